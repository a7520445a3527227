"""Mixtures at the full band, for networks that hear more than their bins.

Voices and noises are made once, with everything that takes long (`Stock`), and used again at other levels,
with other partners and colours and through other channels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import fft, signal

from hushgate.training.config.schema import DataConfig, MixConfig
from hushgate.training.mixtures import augmentations
from hushgate.training.mixtures.channels import CHANNELS
from hushgate.training.mixtures.mixer import Mixer, Mixture, MixtureRecord
from hushgate.training.mixtures.stock import Part, Stock
from hushgate.training.mixtures.voice_changes import VOICE_CHANGES

Audio = NDArray[np.float32]

# Rooms are heard for so long, s; after it they are below the noise of any mixture.
_LONGEST_ROOM_S = 1.2
# A song is at most eight semitones below the voice that it was made from.
_LOWEST_NOTE = 2.0 ** (-8.0 / 12.0)
# Rates that recordings come in, Hz, and how often a mixture passes for one of them.
_RATES = (48_000.0, 44_100.0, 32_000.0, 24_000.0, 22_050.0, 16_000.0)
_RATE_SHARES = (0.52, 0.2, 0.08, 0.05, 0.05, 0.1)
_SILENCE_DB = -100.0


class FullBandMixer(Mixer):
    """Draw mixtures at `data.mix_rate` from a stock of voices and one of noises.

    Args:
        data: With `mix_rate`, and `cache` for the stock.
        mix: With `stock`, the number of voices and of noises.
        split: "train", "val" or "test".

    Raises:
        FileNotFoundError, ValueError: As `Mixer`; or there is no cache.
    """

    def __init__(self, data: DataConfig, mix: MixConfig, split: str) -> None:
        if not data.cache:
            raise ValueError("data.cache must name a folder for the stock that data.mix_rate needs (got '').")
        super().__init__(data, mix, split)
        self._rates = {name: rate for pool in self._pools.values() for name, rate in pool.native_rates()}
        self._parts = Stock(Path(data.cache) / f"stock-{split}-{self._digest(split)}")

    def _digest(self, split: str) -> str:
        """A name for the stock that changes with everything that its parts are made from."""
        recipe = repr((asdict(self.mix), self.data.mix_rate, self.data.segment_s, split, sorted(self._rates)))
        return hashlib.sha256(recipe.encode()).hexdigest()[:16]

    def make_stock(self, told: Callable[[int], None] = lambda number: None) -> None:
        """Make every part that is missing, which training otherwise does when it first needs them."""
        for number in range(self.mix.stock):
            self._part("target", number)
            self._part("noise", number)
            told(number)

    def mixture(self, seed: int, index: int) -> Mixture:
        """Return example `index` of `seed` at `data.mix_rate`, and how it was made."""
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
        if augmentations.level_db(kept) > _SILENCE_DB:
            gain = np.float32(10.0 ** ((level_db - augmentations.active_level_db(kept, rate)) / 20.0))
            heard, kept = heard * gain, kept * gain
            record.snr_db = snr_db if noise_db > _SILENCE_DB else record.snr_db
        if noise_db > _SILENCE_DB:
            noise = noise * np.float32(10.0 ** ((level_db - snr_db - noise_db) / 20.0))
        if rng.random() < mix.band_limit:
            high_hz = float(np.exp(rng.uniform(np.log(3000.0), np.log(0.48 * rate))))
            heard, kept, noise = (
                augmentations.limit_band(one, rate, 0.0, high_hz) for one in (heard, kept, noise)
            )
            record.changes.append(f"mixture band 0-{high_hz:.0f} Hz")
        noisy = heard + noise
        if rng.random() < mix.channel:
            name = str(rng.choice(list(CHANNELS)))
            noisy, kept = CHANNELS[name](noisy, kept, rate, rng)
            record.changes.append(f"mixture through {name}")
        if rng.random() < 0.5:
            # The floor of a converter lies well below what anyone records with it.
            floor_db = min(rng.uniform(-100.0, -70.0), level_db - 12.0)
            noisy = noisy + rng.standard_normal(len(noisy), dtype=np.float32) * np.float32(
                10.0 ** (floor_db / 20.0)
            )
            record.changes.append(f"mixture floor {floor_db:.1f} dBFS")
        return Mixture(np.asarray(noisy, np.float32), np.asarray(kept, np.float32), record)

    def _part(self, kind: str, number: int) -> Part:
        makers = {"target": self._make_voice, "noise": self._make_noise}
        return self._parts.get(kind, number, partial(makers[kind], number))

    def _another_noise(self, noise: Audio, rng: Generator) -> tuple[Audio, float]:
        """Begin a noise elsewhere and colour it anew; also return its level in the network's band, dBFS.

        That part alone counts against a voice: hiss up to 24 kHz would otherwise count three times.
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
        # What has nothing there is set by what it has.
        level_db = max(10.0 * np.log10(power + 1e-18), augmentations.level_db(made) - 15.0)
        return made, float(level_db)

    def _make_voice(self, number: int) -> Part:
        rng = np.random.default_rng((self.mix.stock, 1, number))
        mix, rate = self.mix, self.rate
        changes: list[str] = []
        names: list[str] = []
        spec = self._choose(self._targets, rng)
        speed = float(np.exp(rng.uniform(*np.log(mix.speed)))) if rng.random() < 0.7 else 1.0
        wanted = int(np.ceil(self.num_samples * speed * 1.05)) + 2
        audio = self._pools[spec.pool].draw(wanted, rng, spec.pause_s, spec.fill, names)
        top_hz = 0.5 * min(self._rates[name] for name in names)
        if speed != 1.0:
            audio = augmentations.change_speed(audio, speed)
            changes.append(f"target speed {speed:.3f}")
            top_hz *= speed
        audio = audio[: self.num_samples]
        if rng.random() < mix.voice_change:
            name = str(rng.choice(list(VOICE_CHANGES)))
            audio = VOICE_CHANGES[name](audio, rate, rng)
            changes.append(f"target {name}")
            top_hz *= _LOWEST_NOTE if name == "song" else 1.0
        if rng.random() < mix.equalizer:
            audio = augmentations.random_equalizer(audio, rate, rng, mix.equalizer_db)
            changes.append("target equalizer")
        heard = kept = audio
        if rng.random() < mix.room:
            heard, kept = self._echoed(audio, rng, changes)
        return Part(heard, kept, top_hz, names, changes)

    def _echoed(self, audio: Audio, rng: Generator, changes: list[str]) -> tuple[Audio, Audio]:
        """A voice in a room, and the same without what comes later than `room_early_ms`."""
        if self._rooms is not None and rng.random() < 0.6:
            response, name = self._rooms.draw(rng)
            changes.append(f"target room {name}")
        else:
            decay_s = float(np.exp(rng.uniform(np.log(0.1), np.log(0.9))))
            direct_db = float(rng.uniform(-3.0, 15.0))
            response = augmentations.room_response(self.rate, rng, decay_s=decay_s, direct_db=direct_db)
            changes.append(f"target room {decay_s:.2f} s {direct_db:.1f} dB")
        response = response[: round(_LONGEST_ROOM_S * self.rate)]
        direct = int(np.argmax(np.abs(response)))
        early = response[: direct + round(self.mix.room_early_ms * self.rate / 1000.0)]
        # Most people sit closer to their microphones than the rooms were measured from.
        late = response[len(early) :] * np.float32(10.0 ** (-rng.uniform(0.0, 12.0) / 20.0))
        kept = augmentations.apply_room(audio, early)
        if not len(late):
            return kept, kept
        echoes = np.asarray(signal.oaconvolve(audio, late)[: len(audio)], np.float32)
        heard = kept.copy()
        heard[len(early) :] += echoes[: len(audio) - len(early)]
        return heard, kept

    def _make_noise(self, number: int) -> Part:
        rng = np.random.default_rng((self.mix.stock, 2, number))
        record = MixtureRecord()
        audio = self._noise(rng, record)
        return Part(audio, np.zeros_like(audio), 0.5 * self.rate, record.noises, record.changes)


def make_mixer(data: DataConfig, mix: MixConfig, split: str) -> Mixer:
    """Make the mixer that a configuration asks for."""
    return FullBandMixer(data, mix, split) if data.mix_rate else Mixer(data, mix, split)
