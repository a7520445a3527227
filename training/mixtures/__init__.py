"""Mixtures of target and noise: mixer, dataset, augmentations, rooms, written files."""
