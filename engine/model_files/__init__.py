"""What a model file is: metadata, checks of the graph, loading and running it."""
