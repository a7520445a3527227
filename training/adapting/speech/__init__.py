"""The speech that ships for adaptations: six minutes of many speakers, and reading it."""
