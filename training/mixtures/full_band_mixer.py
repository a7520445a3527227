"""Full-band mixtures: networks that take levels of bands above their bins need them, others can have them.

Voices and noises are made once, with all slow processing (`Stock`), and used again at other levels, in other
combinations, with other equalizers and through other channels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import fft, signal

from hushgate.training.config.mixture_schema import DataConfig, MixConfig
from hushgate.training.mixtures import augmentations
from hushgate.training.mixtures.channels import CHANNELS
from hushgate.training.mixtures.mixer import Mixer, Mixture
from hushgate.training.mixtures.mixture_record import MixtureRecord
from hushgate.training.mixtures.stock import Part, Stock
from hushgate.training.mixtures.voice_changes import VOICE_CHANGES
from hushgate.training.recordings.clips import Clip, UsedClip, list_clips
from hushgate.training.recordings.manifest import SPLITS

Audio = NDArray[np.float32]

# Room responses are cut to this length, s: later echoes are below the noise of any mixture.
_LONGEST_ROOM_S = 1.2
# A song is at most eight semitones below the voice that it was made from.
_LOWEST_NOTE = 2.0 ** (-8.0 / 12.0)
# Sample rates of recordings, Hz, and the share of mixtures that are treated as if recorded at each.
_RATES = (48_000.0, 44_100.0, 32_000.0, 24_000.0, 22_050.0, 16_000.0)
_RATE_SHARES = (0.52, 0.2, 0.08, 0.05, 0.05, 0.1)
_SILENCE_DB = -100.0
# Changes when the same settings and recordings make other parts.
_STOCK_VERSION = 2
# What parts are made with; the other keys of [mix] only matter when parts are mixed, or are refused.
_PART_KEYS = (
    "targets", "noises", "speed", "equalizer", "equalizer_db", "room", "room_kind", "room_early_ms",
    "voice_change", "second_noise", "moving_noise", "stock",
)  # fmt: skip
_REFUSED_KEYS = ("second_target", "drive", "cabinet", "breaks", "pairs")


class FullBandMixer(Mixer):
    """Draw mixtures at `data.mix_rate` from a stock of voices and one of noises.

    Args:
        data: With `mix_rate`, and `cache` for the stock.
        mix: With `stock`, the number of voices and of noises.
        split: "train", "val" or "test".

    Raises:
        FileNotFoundError, ValueError: As `Mixer`; or there is no cache, or `mix` asks for what full-band
            mixtures do not have.
    """

    def __init__(self, data: DataConfig, mix: MixConfig, split: str) -> None:
        if not data.cache:
            raise ValueError("data.cache must name a folder for the stock that data.mix_rate needs (got '').")
        for key in _REFUSED_KEYS:
            if value := getattr(mix, key):
                raise ValueError(
                    f"mix.{key} must be 0 with data.mix_rate (got {value:g}): full-band mixtures have none. "
                    f"Set mix.{key} or data.mix_rate to 0."
                )
        super().__init__(data, mix, split)
        self._split = split
        self._parts = Stock(Path(data.cache) / f"stock-{split}-{self._digest()}")

    def _digest(self) -> str:
        """Hash of all inputs of the stock's parts, for its name."""
        mix = {key: getattr(self.mix, key) for key in _PART_KEYS}
        rooms = () if self._rooms is None else self._rooms.clips
        used = [*((name, pool.clips) for name, pool in self._pools.items()), ("rooms", rooms)]
        recordings = [(name, [_stamp(clip) for clip in clips]) for name, clips in used]
        data = self.data
        recipe = repr((_STOCK_VERSION, mix, data.mix_rate, data.segment_s, self._split, recordings))
        return hashlib.sha256(recipe.encode()).hexdigest()[:16]

    def mixture(self, seed: int, index: int) -> Mixture:
        """Return example `index` of `seed` at `data.mix_rate` with its record."""
        rng = np.random.default_rng((seed, index))
        mix, rate, record = self.mix, self.rate, MixtureRecord()
        kind = rng.random()
        voice = self._part("target", int(rng.integers(mix.stock)))
        noise_part = self._part("noise", int(rng.integers(mix.stock)))
        record.top_hz = min(voice.top_hz, 0.5 * float(rng.choice(_RATES, p=_RATE_SHARES)))
        noise, noise_db = self._another_noise(noise_part.heard, rng)
        heard, kept = voice.heard, voice.kept
        if kind < mix.noise_only:
            heard, kept = np.zeros_like(heard), np.zeros_like(kept)
        else:
            record.targets, record.changes = list(voice.names), list(voice.changes)
        if kind > 1.0 - mix.clean_only:
            noise, noise_db = np.zeros_like(noise), -200.0
        else:
            record.noises = list(noise_part.names)
            record.changes += noise_part.changes

        snr_db, level_db = self._snr_db(rng), self._level_db(rng, record)
        record.level_db = level_db
        signal_db = level_db
        if augmentations.level_db(kept) > _SILENCE_DB:
            gain = np.float32(10.0 ** ((level_db - augmentations.active_level_db(kept, rate)) / 20.0))
            heard, kept = heard * gain, kept * gain
            if mix.snr_of == "file":
                signal_db = augmentations.level_db(kept)
            record.snr_db = snr_db if noise_db > _SILENCE_DB else record.snr_db
        if noise_db > _SILENCE_DB:
            noise = noise * np.float32(10.0 ** ((signal_db - snr_db - noise_db) / 20.0))
        if rng.random() < mix.band_limit:
            high_hz = float(np.exp(rng.uniform(np.log(3000.0), np.log(0.48 * rate))))
            heard, kept, noise = (
                augmentations.limit_band(one, rate, 0.0, high_hz) for one in (heard, kept, noise)
            )
            record.changes.append(f"mixture band 0-{high_hz:.0f} Hz")
        noisy = heard + noise
        # Where the option is off it draws no random number, so that older configurations keep their examples.
        if mix.clip and rng.random() < mix.clip:
            noisy = self._clipped(noisy, rng, record)
        if rng.random() < mix.channel:
            name = str(rng.choice(list(CHANNELS)))
            noisy, kept = CHANNELS[name](noisy, kept, rate, rng)
            record.changes.append(f"mixture through {name}")
        # Recordings are well above their converter's noise.
        noisy = self._with_floor(noisy, rng, record, level_db - 12.0)
        return Mixture(np.asarray(noisy, np.float32), np.asarray(kept, np.float32), record)

    def _part(self, kind: str, number: int) -> Part:
        makers = {"target": self._make_voice, "noise": self._make_noise}
        return self._parts.get(kind, number, partial(makers[kind], number))

    def _another_noise(self, noise: Audio, rng: Generator) -> tuple[Audio, float]:
        """Rotate and equalize a noise at random; also return its level in the network's band, dBFS.

        The SNR refers to that level: by its full-band level, hiss up to 24 kHz would count three times.
        """
        spectrum = fft.rfft(np.roll(noise, int(rng.integers(len(noise)))))
        if rng.random() < self.mix.equalizer:
            points = np.concatenate([[0.0], np.geomspace(60.0, self.rate / 2.0, 7)])
            gains_db = rng.uniform(-1.0, 1.0, len(points)) * self.mix.equalizer_db
            places = np.linspace(0.0, self.rate / 2.0, 513)
            curve = 10.0 ** (np.interp(places, points, gains_db) / 20.0)
            grid = np.linspace(0.0, 512.0, len(spectrum))
            spectrum *= np.interp(grid, np.arange(513), curve).astype(np.float32)
        low = spectrum[: int(0.5 * len(noise) * self.data.sample_rate / self.rate)]
        power = 2.0 * float(np.sum(low.real**2 + low.imag**2, dtype=np.float64)) / len(noise) ** 2
        made = np.asarray(fft.irfft(spectrum, len(noise)), np.float32)
        # Noise without power in the network's band is set by its full-band level.
        level_db = max(10.0 * np.log10(power + 1e-18), augmentations.level_db(made) - 15.0)
        return made, float(level_db)

    def _rng(self, kind: int, number: int) -> Generator:
        """Source of every choice for a part; the splits share none."""
        # Training's seed has no number for its split, so that its parts stay those of earlier versions.
        salt = () if self._split == "train" else (SPLITS.index(self._split),)
        return np.random.default_rng((self.mix.stock, kind, number, *salt))

    def _make_voice(self, number: int) -> Part:
        rng = self._rng(1, number)
        mix, rate = self.mix, self.rate
        changes: list[str] = []
        used: list[UsedClip] = []

        def note(change: str) -> None:
            changes.append(f"target {change}")

        spec = self._choose(self._targets, rng)
        audio, speed = self._draw(spec, rng, used, note)
        if any(spec.band_hz):
            audio = augmentations.keep_band(audio, rate, *spec.band_hz)
        top_hz = 0.5 * min(soundfile.info(one.clip.path).samplerate for one in used) * speed
        if rng.random() < mix.voice_change:
            name = str(rng.choice(list(VOICE_CHANGES)))
            audio = VOICE_CHANGES[name](audio, rate, rng)
            note(name)
            top_hz *= _LOWEST_NOTE if name == "song" else 1.0
        if rng.random() < mix.equalizer:
            audio = augmentations.random_equalizer(audio, rate, rng, mix.equalizer_db)
            note("equalizer")
        heard = kept = audio
        if rng.random() < mix.room:
            heard, kept = self._echoed(audio, rng, note)
        return Part(heard, kept, top_hz, [one.clip.name for one in used], changes)

    def _echoed(self, audio: Audio, rng: Generator, note: Callable[[str], None]) -> tuple[Audio, Audio]:
        """Put a voice into a room; also return it without echoes later than `room_early_ms`."""
        rooms = self._rooms if self._rooms is not None and rng.random() < 0.6 else None
        response = self._response(rooms, rng, note)[: round(_LONGEST_ROOM_S * self.rate)]
        direct = int(np.argmax(np.abs(response)))
        early = response[: direct + round(self.mix.room_early_ms * self.rate / 1000.0)]
        # Speakers are usually closer to the microphone than the sources in measured rooms.
        late = response[len(early) :] * np.float32(10.0 ** (-rng.uniform(0.0, 12.0) / 20.0))
        kept = augmentations.apply_room(audio, early)
        if not len(late):
            return kept, kept
        echoes = np.asarray(signal.oaconvolve(audio, late)[: len(audio)], np.float32)
        heard = kept.copy()
        heard[len(early) :] += echoes[: len(audio) - len(early)]
        return heard, kept

    def _make_noise(self, number: int) -> Part:
        rng = self._rng(2, number)
        record = MixtureRecord()
        audio = self._noise(rng, record)
        return Part(audio, np.zeros_like(audio), 0.5 * self.rate, record.noises, record.changes)


def _stamp(clip: Clip) -> tuple[str | int, ...]:
    """What tells a recording and its use from others, without reading it."""
    state = clip.path.stat()
    return clip.name, clip.kind, clip.label, state.st_size, state.st_mtime_ns


def check_target_rates(data: DataConfig, mix: MixConfig) -> None:
    """Refuse to train with targets none of which has bands above those of `data.sample_rate`.

    The gains of these bands would stay as they began, near 1.

    Raises:
        FileNotFoundError: A folder does not exist.
        ValueError: No recording of a target for training has a higher sample rate.
    """
    targets = [
        clip.path
        for folder in data.folders
        for clip in list_clips(Path(folder))
        if clip.split == "train"
        if any(spec.takes(clip.kind, clip.name) for spec in mix.targets)
    ]
    if targets and all(soundfile.info(path).samplerate <= data.sample_rate for path in targets):
        raise ValueError(
            "with model.upper_edges_hz, data.folders must hold targets at sample rates above "
            f"data.sample_rate (got {len(targets)} at {data.sample_rate} Hz or less): a network cannot "
            "learn from these what lies above its bins. The configuration voice has no bands there."
        )


def make_mixer(data: DataConfig, mix: MixConfig, split: str) -> Mixer:
    """Make the mixer that a configuration asks for."""
    return FullBandMixer(data, mix, split) if data.mix_rate else Mixer(data, mix, split)
