"""Mains hum: found by its steadiness, followed, and subtracted from the samples."""
