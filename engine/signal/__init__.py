"""Signal building blocks without models: framing, delay lines, ramps, crossfades, input checks."""
