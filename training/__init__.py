"""Training of the models: data mixing, networks, losses, trainer and export. Needs the extra `train`."""
