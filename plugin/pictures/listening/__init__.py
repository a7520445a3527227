"""Pages to listen to a recording before and after: players, spectrograms with axes, one file."""
