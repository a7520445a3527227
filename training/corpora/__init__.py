"""Known corpora: their layouts, splits and manifests."""
