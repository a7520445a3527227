"""Decoders and encoders in a process of their own, so that a crash costs one file and not the program."""
