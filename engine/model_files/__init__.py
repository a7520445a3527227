"""Model files: their metadata, checks of their graphs, loading and running."""
