"""Cleaning of one file of a batch."""
