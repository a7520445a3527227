"""Random mixtures of targets and noises, made on the fly.

Example number i of a seed is always the same, whichever process computes it and in whatever order. Training
can therefore be resumed and does not depend on the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hushgate.training.config.mixture_schema import ANY_SYNTHESIZED, DataConfig, MixConfig, SourceSpec
from hushgate.training.mixtures import augmentations
from hushgate.training.mixtures.mixture_record import MixtureRecord
from hushgate.training.mixtures.rooms import RoomPool
from hushgate.training.recordings.clips import Clip, ClipPool, PairPool, UsedClip, list_clips
from hushgate.training.synthesis import noises

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Mixture:
    """A noisy mixture and its target, both float32 (samples,), and the record of how they were made."""

    noisy: Audio
    clean: Audio
    record: MixtureRecord


class Mixer:
    """Draw pairs of a noisy mixture and its target.

    Args:
        data: Folders of the recordings, sample rate, and length of an example.
        mix: Random choices of processing and mixing.
        split: "train", "val" or "test", as in the manifests.

    Raises:
        FileNotFoundError, ValueError: Recordings are missing; raised here, before training starts.
    """

    def __init__(self, data: DataConfig, mix: MixConfig, split: str) -> None:
        self.data, self.mix = data, mix
        self.rate = data.mixture_rate
        self.num_samples = round(data.segment_s * self.rate)
        self._cache = Path(data.cache) if data.cache else None
        self._check_bands()
        clips = [clip for folder in data.folders for clip in list_clips(Path(folder))]
        self._pools: dict[tuple[str, str], ClipPool] = {}
        self._targets = self._load(clips, mix.targets, split) if mix.pairs < 1.0 else []
        self._noises = self._load(clips, mix.noises, split) if mix.pairs < 1.0 else []
        self._rooms = self._load_rooms(clips, split)
        self._pairs = self._load_pairs(clips, split)

    def _check_bands(self) -> None:
        for spec in (*self.mix.targets, *self.mix.noises):
            if spec.band_hz[0] >= 0.5 * self.rate:
                raise ValueError(
                    f"band_hz must begin below half the sample rate, {self.rate / 2:g} Hz "
                    f"(got {spec.band_hz[0]:g} for {spec.kind})."
                )

    def _load(self, clips: Sequence[Clip], specs: Sequence[SourceSpec], split: str) -> list[SourceSpec]:
        """Load the recordings of the sources and return the sources that have some.

        Outside training a source may lack recordings, but not all sources may.
        """
        usable = []
        for spec in specs:
            if not spec.is_synthesized and spec.pool not in self._pools:
                chosen = [clip for clip in clips if clip.split == split and spec.takes(clip.kind, clip.name)]
                if not chosen and split != "train":
                    continue
                if not chosen:
                    raise ValueError(self._missing(spec, split))
                self._pools[spec.pool] = ClipPool(chosen, self.rate, self._cache)
            usable.append(spec)
        if not usable:
            raise ValueError(self._missing(specs[0], split) if specs else "mix must name targets and noises.")
        return usable

    def _load_rooms(self, clips: Sequence[Clip], split: str) -> RoomPool | None:
        """Load the split's room responses, or those of training: rooms leak no speech or noise."""
        if not self.mix.room_kind:
            return None
        rooms = [clip for clip in clips if clip.kind == self.mix.room_kind]
        chosen = [clip for clip in rooms if clip.split == split] or [c for c in rooms if c.split == "train"]
        if not chosen:
            raise ValueError(self._missing(SourceSpec(self.mix.room_kind), split))
        return RoomPool(chosen, self.rate)

    def _load_pairs(self, clips: Sequence[Clip], split: str) -> PairPool | None:
        if not self.mix.pairs > 0.0:
            return None
        chosen = [
            clip
            for clip in clips
            if clip.noisy and clip.split == split
            if any(spec.takes(clip.kind, clip.name) for spec in self.mix.targets)
        ]
        if not chosen:
            raise ValueError(
                f"mix.pairs must be 0 without pairs (got {self.mix.pairs:g}): no target of split {split!r} "
                "has an entry in the manifest's column noisy."
            )
        return PairPool(chosen, self.rate)

    def _missing(self, spec: SourceSpec, split: str) -> str:
        where = ", ".join(self.data.folders) or "no folder"
        return (
            f"data.folders must hold recordings of kind {spec.kind!r}, split {split!r}, "
            f"path {spec.prefix + '*'!r} (got none in {where})."
        )

    def example(self, seed: int, index: int) -> tuple[Audio, Audio]:
        """Return (noisy, clean), float32 (samples,), of example `index` of `seed`."""
        mixture = self.mixture(seed, index)
        return mixture.noisy, mixture.clean

    def mixture(self, seed: int, index: int) -> Mixture:
        """Return example `index` of `seed` with its record."""
        rng = np.random.default_rng((seed, index))
        record = MixtureRecord()
        if self._pairs is not None and rng.random() < self.mix.pairs:
            return self._pair(self._pairs, rng, record)
        mix, rate = self.mix, self.rate
        kind = rng.random()
        clean = self._target(rng, record)
        if kind < mix.noise_only:
            clean = np.zeros_like(clean)
            record.remove_targets()
        noise = np.zeros_like(clean) if kind > 1.0 - mix.clean_only else self._noise(rng, record)

        snr_db = self._snr_db(rng)
        has_target = augmentations.level_db(clean) > -100.0
        target_level = augmentations.active_level_db(clean, rate) if has_target else 0.0
        noise_level = augmentations.level_db(noise)
        level_db = record.level_db = self._level_db(rng, record)
        signal_db = level_db
        if has_target:
            if mix.snr_of == "file":
                signal_db += augmentations.level_db(clean) - target_level
            gain = 10.0 ** ((level_db - target_level) / 20.0)
            clean = clean * np.float32(gain)
            record.scale(gain, "target")
        if noise_level > -100.0:
            gain = 10.0 ** ((signal_db - snr_db - noise_level) / 20.0)
            noise = noise * np.float32(gain)
            record.scale(gain, "noise")
            record.snr_db = snr_db if has_target else record.snr_db
        if mix.breaks and rng.random() < mix.breaks:
            clean = clean * augmentations.breaks(len(clean), rate, rng)
            record.changes.append("target breaks")

        if rng.random() < mix.band_limit:
            high_hz = float(np.exp(rng.uniform(np.log(min(3000.0, 0.3 * rate)), np.log(0.48 * rate))))
            low_hz = float(rng.choice([0.0, rng.uniform(60.0, 300.0)]))
            clean = augmentations.limit_band(clean, rate, low_hz, high_hz)
            both = rng.random() < 0.7
            if both:
                noise = augmentations.limit_band(noise, rate, low_hz, high_hz)
            record.changes.append(f"{'mixture' if both else 'target'} band {low_hz:.0f}-{high_hz:.0f} Hz")
        noisy = clean + noise
        if rng.random() < mix.clip:
            noisy = self._clipped(noisy, rng, record)
        noisy = self._with_floor(noisy, rng, record)
        return Mixture(np.asarray(noisy, dtype=np.float32), np.asarray(clean, dtype=np.float32), record)

    def _clipped(self, noisy: Audio, rng: Generator, record: MixtureRecord) -> Audio:
        share = rng.uniform(0.4, 0.9)
        record.changes.append(f"mixture clipped at {share:.2f}")
        return augmentations.clip_peaks(noisy, share)

    def _with_floor(
        self, noisy: Audio, rng: Generator, record: MixtureRecord, highest_db: float = -70.0
    ) -> Audio:
        """Add converter noise at -100 to -70 dBFS, `highest_db` at most, with probability `mix.floor`.

        The target lacks it, so that networks learn to remove it.
        """
        if rng.random() >= self.mix.floor:
            return noisy
        floor_db = min(rng.uniform(-100.0, -70.0), highest_db)
        record.changes.append(f"mixture floor {floor_db:.1f} dBFS")
        floor = rng.standard_normal(len(noisy), dtype=np.float32)
        return noisy + floor * np.float32(10.0 ** (floor_db / 20.0))

    def _snr_db(self, rng: Generator) -> float:
        low, middle, high = self.mix.snr_db
        if self.mix.snr_shape == "uniform" or low == high:
            return float(rng.uniform(low, high))
        return float(rng.triangular(low, middle, high))

    def _level_db(self, rng: Generator, record: MixtureRecord) -> float:
        level_db = float(rng.uniform(*self.mix.level_db))
        # Options that are off draw no random number, so that older configurations keep their examples.
        if self.mix.quiet > 0.0 and rng.random() < self.mix.quiet:
            by_db = float(rng.uniform(*self.mix.quiet_db))
            record.changes.append(f"mixture quiet {by_db:.1f} dB")
            level_db += by_db
        return level_db

    def _pair(self, pairs: PairPool, rng: Generator, record: MixtureRecord) -> Mixture:
        used: list[UsedClip] = []
        noisy, clean = pairs.draw(self.num_samples, rng, used)
        self._note("target", used, 1.0, record)
        record.scale(used[0].peak)
        record.changes.append("mixture as recorded")
        level_db = record.level_db = self._level_db(rng, record)
        loud = clean if augmentations.level_db(clean) > -100.0 else noisy
        if augmentations.level_db(loud) > -100.0:
            gain = np.float32(10.0 ** ((level_db - augmentations.active_level_db(loud, self.rate)) / 20.0))
            noisy, clean = noisy * gain, clean * gain
            record.scale(float(gain))
        return Mixture(noisy, clean, record)

    def _choose(self, specs: Sequence[SourceSpec], rng: Generator) -> SourceSpec:
        weights = np.array([s.weight for s in specs])
        return specs[int(rng.choice(len(specs), p=weights / weights.sum()))]

    def _draw(
        self, spec: SourceSpec, rng: Generator, used: list[UsedClip], note: Callable[[str], None]
    ) -> tuple[Audio, float]:
        """Draw a segment of one source; also return the factor of its speed and pitch."""
        speed = float(np.exp(rng.uniform(*np.log(self.mix.speed)))) if rng.random() < 0.7 else 1.0
        wanted = int(np.ceil(self.num_samples * speed * 1.05)) + 2
        audio = self._pools[spec.pool].draw(wanted, rng, spec.pause_s, spec.fill, used)
        if speed != 1.0:
            audio = augmentations.change_speed(audio, speed)
            note(f"speed {speed:.3f}")
        return audio[: self.num_samples], speed

    def _note(self, role: str, used: list[UsedClip], speed: float, record: MixtureRecord) -> None:
        heard = [one for one in used if one.at < self.num_samples * speed]
        record.add_clips(role, heard, self.rate, speed, self.num_samples)

    def _target(self, rng: Generator, record: MixtureRecord) -> Audio:
        def note(change: str) -> None:
            record.changes.append(f"target {change}")

        mix = self.mix
        audio = self._layer(rng, record, note)
        # As above, the option draws no random number when it is off.
        while mix.second_target and rng.random() < mix.second_target:
            gain = np.float32(10.0 ** (rng.uniform(-10.0, 3.0) / 20.0))
            first = len(record.parts)
            audio = audio + gain * self._layer(rng, record, note)
            record.scale(float(gain), first=first)
        if mix.drive and rng.random() < 0.5 * mix.drive:
            audio = self._overdrive(audio, rng.uniform(0.0, 15.0), note)
        if rng.random() < mix.equalizer:
            audio = augmentations.random_equalizer(audio, self.rate, rng, mix.equalizer_db)
            note("equalizer")
        if rng.random() < mix.room:
            audio = self._room(audio, rng, note)
        return audio

    def _layer(self, rng: Generator, record: MixtureRecord, note: Callable[[str], None]) -> Audio:
        spec = self._choose(self._targets, rng)
        used: list[UsedClip] = []
        audio, speed = self._draw(spec, rng, used, note)
        self._note("target", used, speed, record)
        if any(spec.band_hz):
            audio = augmentations.keep_band(audio, self.rate, *spec.band_hz)
        mix = self.mix
        if mix.drive and rng.random() < mix.drive:
            audio = self._overdrive(audio, rng.uniform(6.0, 45.0), note)
            if mix.cabinet and rng.random() < mix.cabinet:
                low_hz, high_hz = rng.uniform(50.0, 120.0), float(np.exp(rng.uniform(*np.log((3e3, 9e3)))))
                note(f"cabinet {low_hz:.0f} to {high_hz:.0f} Hz")
                audio = augmentations.limit_band(audio, self.rate, low_hz, high_hz)
        return audio

    def _overdrive(self, audio: Audio, drive_db: float, note: Callable[[str], None]) -> Audio:
        note(f"overdrive {drive_db:.0f} dB")
        return augmentations.overdrive(audio, drive_db)

    def _room(self, audio: Audio, rng: Generator, note: Callable[[str], None]) -> Audio:
        return augmentations.apply_room(audio, self._response(self._rooms, rng, note))

    def _response(self, rooms: RoomPool | None, rng: Generator, note: Callable[[str], None]) -> Audio:
        """Draw a room response from the pool, or synthesize one."""
        if rooms is not None:
            response, name = rooms.draw(rng)
            note(f"room {name}")
            return response
        decay_s = float(np.exp(rng.uniform(np.log(0.1), np.log(0.9))))
        direct_db = rng.uniform(-3.0, 15.0)
        note(f"room {decay_s:.2f} s {direct_db:.1f} dB")
        return augmentations.room_response(self.rate, rng, decay_s=decay_s, direct_db=direct_db)

    def _noise(self, rng: Generator, record: MixtureRecord) -> Audio:
        mix = self.mix
        total = np.zeros(self.num_samples, dtype=np.float32)
        for layer in sorted({spec.layer for spec in self._noises}):
            specs = [spec for spec in self._noises if spec.layer == layer]
            count = 1 + int(rng.random() < mix.second_noise) + int(rng.random() < mix.second_noise / 4)
            for _ in range(count):
                first = len(record.parts)
                audio = self._one_noise(self._choose(specs, rng), rng, record)
                rms = float(np.sqrt(np.mean(np.square(audio)))) + 1e-9
                gain = np.float32(10.0 ** (rng.uniform(-12.0, 0.0) / 20.0) / rms)
                total += audio * gain
                record.scale(float(gain), first=first)
        return total

    def _one_noise(self, spec: SourceSpec, rng: Generator, record: MixtureRecord) -> Audio:
        def note(change: str) -> None:
            record.changes.append(f"noise {change}")

        mix, rate = self.mix, self.rate
        voices = int(rng.integers(spec.voices[0], spec.voices[1] + 1))
        audio = np.zeros(self.num_samples, dtype=np.float32)
        for _ in range(voices):
            first = len(record.parts)
            if spec.is_synthesized:
                kind = spec.kind if spec.kind != ANY_SYNTHESIZED else str(rng.choice(noises.RANDOM_NAMES))
                part = noises.GENERATORS[kind](self.num_samples, rate, rng)
                record.add_generator("noise", f"synthesized {kind}", self.num_samples / rate)
            else:
                used: list[UsedClip] = []
                part, speed = self._draw(spec, rng, used, note)
                self._note("noise", used, speed, record)
            gain = np.float32(10.0 ** (rng.uniform(-6.0, 0.0) / 20.0))
            audio += part * gain
            record.scale(float(gain), first=first)
        if any(spec.band_hz):
            audio = augmentations.keep_band(audio, rate, *spec.band_hz)
        if rng.random() < mix.equalizer:
            audio = augmentations.random_equalizer(audio, rate, rng, mix.equalizer_db)
            note("equalizer")
        if rng.random() < mix.room:
            audio = self._room(audio, rng, note)
        if rng.random() < mix.moving_noise:
            range_db = rng.uniform(3.0, 20.0)
            audio = noises.with_moving_level(audio, rate, rng, range_db)
            note(f"swells by {range_db:.0f} dB")
        return audio
