"""Clean and noised copies of sound files, one pair for each file or clip."""
