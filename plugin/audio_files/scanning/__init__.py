"""Searches for where the sound of a file begins and ends."""
