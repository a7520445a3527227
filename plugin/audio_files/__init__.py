"""Reading and writing sound files: formats, pipes, metadata, dither, truncation."""
