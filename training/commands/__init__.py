"""Subcommands of `hushgate` that need the extra `train` or `evaluate`."""
