"""Cleaning one file of a batch: the file loop, level measurement, peak limiter."""
