"""Formats beyond libsndfile, through FFmpeg's libraries (PyAV, extra `formats`)."""
