"""Mixtures that a model is adapted to: of the user's recordings, and general ones against forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hushgate.training.adapting.material import CHECK, CLEAN, OWN_NOISE, OWN_TARGET
from hushgate.training.config.mixture_schema import ANY_SYNTHESIZED, DataConfig, MixConfig, SourceSpec
from hushgate.training.mixtures.mixer import Mixer

_SEGMENT_S = 3.0
_SNR_DB = (-6.0, 3.0, 18.0)
_CHECK_SNR_DB = (-3.0, 5.0, 12.0)
_PAUSE_S = (0.1, 1.2)


@dataclass(frozen=True)
class Sources:
    """What there is to mix.

    Attributes:
        own_noise, own_target: Whether the user gave recordings of a noise, of a sound to keep.
        only_target: Only that sound stays: others of its kind are noise.
        is_speech: Clean recordings are speech, so many of them at once make babble.
    """

    own_noise: bool
    own_target: bool
    only_target: bool
    is_speech: bool


@dataclass(frozen=True)
class Mixtures:
    """Mixers of the user's mixtures and of general ones."""

    own: Mixer
    general: Mixer


def make_mixtures(
    folder: Path, sources: Sources, sample_rate: int, split: str, segment_s: float = _SEGMENT_S
) -> Mixtures:
    """Make the mixers of a split, for training or for the check on what is held back; segments in s."""
    data = DataConfig(folders=(str(folder),), sample_rate=sample_rate, segment_s=segment_s)
    is_check = split == CHECK
    mixers = [
        Mixer(data, _as_checked(mix) if is_check else mix, split)
        for mix in (_own_mix(sources), _general_mix(sources))
    ]
    return Mixtures(*mixers)


def _own_mix(sources: Sources) -> MixConfig:
    targets = [SourceSpec(CLEAN, pause_s=_PAUSE_S)]
    if sources.own_target:
        targets = [SourceSpec(OWN_TARGET, pause_s=_PAUSE_S)]
    noises = [SourceSpec(OWN_NOISE, fill="loop")] if sources.own_noise else list(_general_noises(sources))
    if sources.only_target:
        noises = [
            *(replace(noise, weight=0.5) for noise in noises),
            SourceSpec(CLEAN, weight=2.0, pause_s=_PAUSE_S),
        ]
    return _mix(
        targets,
        noises,
        # A noise of one's own comes alone, much as it was recorded.
        second_noise=0.0 if sources.own_noise else 0.25,
        equalizer_db=4.0,
        moving_noise=0.1 if sources.own_noise else 0.4,
        noise_only=0.2 if sources.only_target else 0.03,
    )


def _general_mix(sources: Sources) -> MixConfig:
    kind = OWN_TARGET if sources.only_target else CLEAN
    return _mix([SourceSpec(kind, pause_s=_PAUSE_S)], _general_noises(sources))


def _general_noises(sources: Sources) -> list[SourceSpec]:
    noises = [SourceSpec(ANY_SYNTHESIZED, weight=4.0)]
    if sources.is_speech:
        noises.append(SourceSpec(CLEAN, weight=0.8, voices=(4, 8)))
    return noises


def _mix(targets: Sequence[SourceSpec], noises: Sequence[SourceSpec], **changes: float) -> MixConfig:
    mix = MixConfig(
        targets=tuple(targets),
        noises=tuple(noises),
        snr_db=_SNR_DB,
        level_db=(-50.0, -14.0),
        room=0.2,
        band_limit=0.05,
        clip=0.02,
    )
    return replace(mix, **changes)  # type: ignore[arg-type]  # floats only


def _as_checked(mix: MixConfig) -> MixConfig:
    """The same without what makes training harder than use: the check is to be like the user's recordings."""
    return replace(
        mix,
        snr_db=_CHECK_SNR_DB,
        snr_shape="uniform",
        level_db=(-30.0, -20.0),
        speed=(1.0, 1.0),
        equalizer=0.0,
        room=0.0,
        band_limit=0.0,
        clip=0.0,
        floor=0.0,
        second_noise=0.0,
        moving_noise=0.0,
        noise_only=0.0,
        clean_only=0.0,
    )


def draw(mixer: Mixer, seed: int, first: int, count: int) -> tuple[Tensor, Tensor]:
    """Mix examples `first` to `first + count` of a seed: noisy and clean, both (count, samples)."""
    pairs = [mixer.example(seed, first + index) for index in range(count)]
    noisy, clean = (torch.from_numpy(np.stack(side)) for side in zip(*pairs, strict=True))
    return noisy, clean


def draw_both(mixtures: Mixtures, seed: int, first: int, own: int, general: int) -> tuple[Tensor, Tensor]:
    """A batch of the user's mixtures and general ones, in this order."""
    parts = [draw(mixtures.own, seed, first, own)] if own else []
    parts += [draw(mixtures.general, seed, first, general)] if general else []
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
