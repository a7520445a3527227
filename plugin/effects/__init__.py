"""Effects (denoiser, hum remover, linked dynamics, chain, mix), their serialization and preset files."""
