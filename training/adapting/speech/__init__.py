"""The speech that ships for adaptations: four minutes of many speakers, and reading it."""
