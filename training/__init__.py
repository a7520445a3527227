"""Training of hushgate's models: data mixing, networks, losses, the trainer and the export. Needs the extra `train`."""
