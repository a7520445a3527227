"""`hushgate.denoise`: sound in, clean sound out, in one line."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.open_audio import open_input
from hushgate.effects.preset_file import Preset
from hushgate.effects.preset_or_model import loudness_of, make_preset_or_model
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE
from hushgate.pedalboard_compat.channel_layout import LayoutMemory
from hushgate.rendering.learn_ahead import learn_ahead
from hushgate.rendering.loudness import LoudnessNormalizer, normalized


class CleanSound(np.ndarray[Any, np.dtype[np.float32]]):
    """Clean samples: an array that knows its sample rate, and shows players in a notebook.

    Arrays made from it are CleanSounds too, without the input; so is what another process gets.

    Attributes:
        sample_rate: Hz.
        before: The input in the same layout; None for a part of it.
    """

    sample_rate: float
    before: NDArray[np.float32] | None

    def __array_finalize__(self, source: object) -> None:
        self.sample_rate = getattr(source, "sample_rate", 0.0)
        self.before = None

    def __reduce__(self) -> tuple[Any, ...]:
        reduced: Any = super().__reduce__()
        make, arguments, state = reduced
        return make, arguments, (state, self.sample_rate)

    def __setstate__(self, state: Any) -> None:
        samples, self.sample_rate = state
        super().__setstate__(samples)

    def _repr_html_(self) -> str:
        from hushgate.rendering.notebook import sounds_html

        after = LayoutMemory().to_planar(np.asarray(self))
        sounds = [("after", after)]
        if self.before is not None:
            sounds.insert(0, ("before", LayoutMemory().to_planar(self.before)))
        return sounds_html(sounds, self.sample_rate)


def denoise(
    sound: NDArray[Any] | str | os.PathLike[str],
    sample_rate: float | None = None,
    *,
    preset: str | os.PathLike[str] | Preset | None = None,
    model: str | os.PathLike[str] | None = None,
    loudness: float | Literal["preset"] | None = "preset",
    **parameters: Any,
) -> CleanSound:
    """Clean a sound that fits into memory. `render` writes files of any length.

    Args:
        sound: Samples as for `Denoiser`: 1-D, (channels, samples) or (samples, channels), float32 or float64;
            or the path of a recording.
        sample_rate: Hz, for samples; not for a path.
        preset: Shipped name or file; without one, `model` alone.
        model: Shipped name or file; None for the preset's, or "voice".
        loudness: Loudness of the result, LUFS; None for that which the chain gives, "preset" for that of the
            preset.
        **parameters: Any parameter of `Denoiser`.

    Returns:
        The clean samples, aligned with the input and as long, in its layout; of a file (channels, samples),
        or one-dimensional for mono.

    Raises:
        TypeError: Neither samples nor a path, samples without a sample rate, a path with one, an unknown
            parameter.
        OSError, AudioFileError, PresetError, ModelError, ValueError: Something cannot be used; the reason in
            one line.

    >>> import hushgate
    >>> clean = hushgate.denoise("talk.wav", preset="podcast")  # doctest: +SKIP
    >>> clean.shape, clean.sample_rate  # doctest: +SKIP
    ((480000,), 48000)
    """
    if isinstance(sample_rate, str):
        raise TypeError(
            f"sample_rate must be a number of Hz (got {sample_rate!r}). Did you mean preset={sample_rate!r}?"
        )
    if isinstance(sound, str | os.PathLike):
        if sample_rate is not None:
            raise TypeError(f"sample_rate is that of the file (got {sample_rate}). Leave it out for a path.")
        samples, sample_rate = _read(sound)
    elif np.ndim(sound) == 0:
        raise TypeError(f"sound must be samples or the path of a recording (got {sound!r}).")
    elif sample_rate is None:
        raise TypeError("sample_rate must be given for samples, in Hz.")
    else:
        samples = np.asarray(sound)
    effect = make_preset_or_model(preset, model, parameters)
    learn_ahead(effect, iter([LayoutMemory().to_planar(samples)]), sample_rate, DEFAULT_BLOCK_SIZE)
    clean = effect(samples, sample_rate)
    lufs = loudness_of(loudness, preset)
    if lufs is not None and clean.size:
        layout = LayoutMemory()
        block = layout.to_planar(clean)
        with LoudnessNormalizer(sample_rate, block.shape[0], lufs) as normalizer:
            levelled = np.concatenate(list(normalized([block], normalizer)), axis=1)
        clean = layout.restore(levelled)
    result = clean.view(CleanSound)
    result.sample_rate = sample_rate
    result.before = samples.astype(np.float32, copy=False)
    return result


def _read(path: str | os.PathLike[str]) -> tuple[NDArray[np.float32], float]:
    with open_input(path) as reader:
        blocks = list(reader.blocks())
        rate = reader.format.sample_rate
        empty = np.zeros((reader.format.num_channels, 0), np.float32)
    sound = np.concatenate([empty, *blocks], axis=1)
    return (sound[0] if len(sound) == 1 else sound), rate
