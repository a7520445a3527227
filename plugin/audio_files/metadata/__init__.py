"""Tags, pictures and markers: carried from file to file, without figures of the old sound."""
