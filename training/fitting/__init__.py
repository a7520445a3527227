"""Fitting a network: Lightning modules, trainer, callbacks, initial weights."""
