"""Data recipes: from downloaded corpora to recordings with a manifest."""
