"""Cleaning of one file of a batch, and the peak limiter."""
