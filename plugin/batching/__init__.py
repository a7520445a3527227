"""Clean many sound files in one go."""
