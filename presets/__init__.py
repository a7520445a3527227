"""The presets that ship, one TOML file each. `hushgate.load_preset` reads them."""
