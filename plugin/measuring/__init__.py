"""What became of a recording: levels, peaks, loudness, noise floor, and change of the target."""
