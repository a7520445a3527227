"""The configuration of a training: schema, TOML tables, command-line flags."""
