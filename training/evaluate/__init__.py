"""Measuring denoisers: which sounds, which systems, which measures, and what the figures are worth."""
