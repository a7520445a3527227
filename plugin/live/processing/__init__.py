"""The audio callback and its parts: FIFO, meters, overload, recovery, recorder."""
