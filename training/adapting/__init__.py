"""Adaptation of a trained model to one's own noise, sound or recordings, in minutes."""
