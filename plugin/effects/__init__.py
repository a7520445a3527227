"""Effects that can stand in a chain, their serialization and preset files."""
