"""Training of hushgate's models: data, networks, losses, export, evaluation (PyTorch, extra `train`)."""

import logging

logging.getLogger(__name__).addHandler(logging.NullHandler())
