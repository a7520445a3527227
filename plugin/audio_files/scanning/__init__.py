"""Where the sound of a file really begins and ends, whatever its header says."""
