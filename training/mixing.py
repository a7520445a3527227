"""Mixtures made on the fly: what to keep, what to remove, how loud, in which room, on which microphone.

Example number i of a seed is always the same, whoever computes it and in whatever order: that is what makes
training resumable and independent of the number of workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from hushgate.training import augment, noises
from hushgate.training.config import ANY_SYNTHESIZED, DataConfig, MixConfig, SourceSpec
from hushgate.training.sources import ClipPool, list_clips

Audio = NDArray[np.float32]


class Mixer:
    """Draw pairs of a noisy mixture and the sound to keep.

    Args:
        data: Which recordings, at which rate, how long an example is.
        mix: How they are changed and mixed.
        split: "train" or "val", as in the manifests.

    Raises:
        FileNotFoundError, ValueError: Recordings are missing; said before training starts.
    """

    def __init__(self, data: DataConfig, mix: MixConfig, split: str) -> None:
        self.data, self.mix = data, mix
        self.num_samples = round(data.segment_s * data.sample_rate)
        self._clips = [clip for folder in data.folders for clip in list_clips(Path(folder))]
        self._pools: dict[tuple[str, str], ClipPool] = {}
        self._targets = self._load(mix.targets, split)
        self._noises = self._load(mix.noises, split)
        del self._clips

    def _load(self, specs: Sequence[SourceSpec], split: str) -> list[SourceSpec]:
        """Load what the sources need; a source may lack recordings for validation, but not all of them."""
        usable = []
        for spec in specs:
            if not spec.is_synthesized and spec.pool not in self._pools:
                chosen = [
                    clip
                    for clip in self._clips
                    if (clip.kind, clip.split) == (spec.kind, split) and clip.name.startswith(spec.prefix)
                ]
                if not chosen and split == "val":
                    continue
                if not chosen:
                    raise ValueError(self._missing(spec, split))
                self._pools[spec.pool] = ClipPool(chosen, self.data.sample_rate)
            usable.append(spec)
        if not usable:
            raise ValueError(self._missing(specs[0], split) if specs else "mix must name targets and noises.")
        return usable

    def _missing(self, spec: SourceSpec, split: str) -> str:
        where = ", ".join(self.data.folders) or "no folder"
        return (
            f"data.folders must hold recordings of kind {spec.kind!r}, split {split!r}, "
            f"path {spec.prefix + '*'!r} (got none in {where})."
        )

    def describe(self) -> str:
        """Say how many minutes of each kind are loaded."""
        minutes = (f"{kind} {prefix}: {p.seconds / 60:.0f} min" for (kind, prefix), p in self._pools.items())
        return ", ".join(minutes)

    def example(self, seed: int, index: int) -> tuple[Audio, Audio]:
        """Return (noisy, clean), float32 (samples,), of example `index` of `seed`."""
        rng = np.random.default_rng((seed, index))
        mix, rate = self.mix, self.data.sample_rate
        kind = rng.random()
        clean = self._target(rng)
        if kind < mix.noise_only:
            clean = np.zeros_like(clean)
        noise = np.zeros_like(clean) if kind > 1.0 - mix.clean_only else self._noise(rng)

        snr_db = rng.triangular(mix.snr_db[0], mix.snr_db[1], mix.snr_db[2])
        has_target = augment.level_db(clean) > -100.0
        target_level = augment.active_level_db(clean, rate) if has_target else 0.0
        noise_level = augment.level_db(noise)
        level_db = rng.uniform(*mix.level_db)
        if has_target:
            clean = clean * np.float32(10.0 ** ((level_db - target_level) / 20.0))
        if noise_level > -100.0:
            noise = noise * np.float32(10.0 ** ((level_db - snr_db - noise_level) / 20.0))

        if rng.random() < mix.band_limit:
            high_hz = float(np.exp(rng.uniform(np.log(min(3000.0, 0.3 * rate)), np.log(0.48 * rate))))
            low_hz = float(rng.choice([0.0, rng.uniform(60.0, 300.0)]))
            clean = augment.limit_band(clean, rate, low_hz, high_hz)
            if rng.random() < 0.7:
                noise = augment.limit_band(noise, rate, low_hz, high_hz)
        noisy = clean + noise
        if rng.random() < mix.clip:
            noisy = augment.clip_peaks(noisy, rng.uniform(0.4, 0.9))
        # A floor of converter noise, which is to go too: no recording is free of it.
        if rng.random() < 0.5:
            floor = 10.0 ** (rng.uniform(-100.0, -70.0) / 20.0)
            noisy = noisy + rng.standard_normal(len(noisy), dtype=np.float32) * np.float32(floor)
        return np.asarray(noisy, dtype=np.float32), np.asarray(clean, dtype=np.float32)

    def _choose(self, specs: Sequence[SourceSpec], rng: Generator) -> SourceSpec:
        weights = np.array([s.weight for s in specs])
        return specs[int(rng.choice(len(specs), p=weights / weights.sum()))]

    def _draw(self, spec: SourceSpec, rng: Generator) -> Audio:
        """A segment of one source, sped up or slowed down; drawn long enough for either."""
        speed = float(np.exp(rng.uniform(*np.log(self.mix.speed)))) if rng.random() < 0.7 else 1.0
        wanted = int(np.ceil(self.num_samples * speed * 1.05)) + 2
        audio = self._pools[spec.pool].draw(wanted, rng, spec.pause_s)
        if speed != 1.0:
            audio = augment.change_speed(audio, speed)
        return audio[: self.num_samples]

    def _target(self, rng: Generator) -> Audio:
        mix = self.mix
        audio = self._draw(self._choose(self._targets, rng), rng)
        if rng.random() < mix.equalizer:
            audio = augment.random_equalizer(audio, self.data.sample_rate, rng, mix.equalizer_db)
        if rng.random() < mix.room:
            audio = self._room(audio, rng)
        return audio

    def _room(self, audio: Audio, rng: Generator) -> Audio:
        decay_s = float(np.exp(rng.uniform(np.log(0.1), np.log(0.9))))
        response = augment.room_response(
            self.data.sample_rate, rng, decay_s=decay_s, direct_db=rng.uniform(-3.0, 15.0)
        )
        return augment.apply_room(audio, response)

    def _noise(self, rng: Generator) -> Audio:
        mix, rate = self.mix, self.data.sample_rate
        total = np.zeros(self.num_samples, dtype=np.float32)
        layers = 1 + int(rng.random() < mix.second_noise) + int(rng.random() < mix.second_noise / 4)
        for _ in range(layers):
            spec = self._choose(self._noises, rng)
            voices = int(rng.integers(spec.voices[0], spec.voices[1] + 1))
            audio = np.zeros(self.num_samples, dtype=np.float32)
            for _ in range(voices):
                if spec.is_synthesized:
                    kind = (
                        spec.kind
                        if spec.kind != ANY_SYNTHESIZED
                        else str(rng.choice(list(noises.GENERATORS)))
                    )
                    part = noises.GENERATORS[kind](self.num_samples, rate, rng)
                else:
                    part = self._draw(spec, rng)
                audio += part * np.float32(10.0 ** (rng.uniform(-6.0, 0.0) / 20.0))
            if rng.random() < mix.equalizer:
                audio = augment.random_equalizer(audio, rate, rng, mix.equalizer_db)
            if rng.random() < mix.room:
                audio = self._room(audio, rng)
            if rng.random() < mix.moving_noise:
                audio = noises.with_moving_level(audio, rate, rng, rng.uniform(3.0, 20.0))
            rms = float(np.sqrt(np.mean(np.square(audio)))) + 1e-9
            total += audio * np.float32(10.0 ** (rng.uniform(-12.0, 0.0) / 20.0) / rms)
        return total


class MixtureDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """A mixer's examples of one seed, by number."""

    def __init__(self, mixer: Mixer, seed: int, num_examples: int) -> None:
        self.mixer, self.seed, self.num_examples = mixer, seed, num_examples

    def __len__(self) -> int:
        return self.num_examples

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        noisy, clean = self.mixer.example(self.seed, index)
        return torch.from_numpy(noisy), torch.from_numpy(clean)


class EpochSampler(Sampler[int]):
    """Number the examples of one epoch from `start`, which the trainer moves on before every epoch."""

    def __init__(self, examples_per_epoch: int) -> None:
        self.examples_per_epoch = examples_per_epoch
        self.start = 0

    def __len__(self) -> int:
        return self.examples_per_epoch

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.start + self.examples_per_epoch))
