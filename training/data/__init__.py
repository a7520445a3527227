"""Data recipes: from downloaded corpora to recordings, mixtures and pictures that training can use."""
