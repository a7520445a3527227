"""Mixtures of a target and a noise to which nothing else is done."""

from __future__ import annotations

from hushgate.training.config.mixture_schema import MixConfig, SourceSpec

PLAIN = MixConfig(
    targets=(SourceSpec("speech"),),
    noises=(SourceSpec("white"),),
    snr_db=(5.0, 5.0, 5.0),
    level_db=(-20.0, -20.0),
    speed=(1.0, 1.0),
    equalizer=0.0,
    room=0.0,
    band_limit=0.0,
    clip=0.0,
    second_noise=0.0,
    moving_noise=0.0,
    noise_only=0.0,
    clean_only=0.0,
)
