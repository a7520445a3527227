"""Synthetic sound: noises, scores, rendering through FluidSynth."""
