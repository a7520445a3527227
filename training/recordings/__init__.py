"""Recordings on disk: clips, manifest, decoded cache, atomic files."""
