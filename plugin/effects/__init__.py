"""Denoiser, chain and mix, their serialization and preset files."""
