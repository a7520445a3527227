"""Formats that libsndfile (soundfile) reads and writes."""
