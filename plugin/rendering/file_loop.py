"""The loop over one recording: reader, effect, levels, progress and warnings."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hushgate.effects.denoiser import find_denoisers
from hushgate.engine.signal.input_checks import MAX_TESTED_RATE, MIN_TESTED_RATE, replace_nonfinite
from hushgate.errors import AudioFileError
from hushgate.measuring.cleaning_meter import CleaningMeter
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE
from hushgate.pedalboard_compat.effect_protocol import Effect
from hushgate.pedalboard_compat.streaming import stream
from hushgate.rendering.learn_ahead import learn_ahead

if TYPE_CHECKING:
    from hushgate.audio_files.open_audio import AudioReader, AudioWriter

# Single frames in which a model fails are muted, with a warning.
_MAX_FAULTY_SHARE = 0.5

Block = NDArray[np.float32]
Progress = Callable[[int, int | None], None]


class FileLoop:
    """Run an effect over one recording, block by block, and keep what the user must know about it.

    `denoise`, `batch`, `tune` and `render` differ only in what they do with the blocks. Input samples
    that are not finite become silence before anything else sees them.

    Args:
        effect: A `Denoiser`, a `Chain`, or anything with pedalboard's `process` and `reset`. It is
            reset first.
        reader: The recording, open.
        name: The recording in error messages.
        block_size: Samples in memory at once, 1 or more.
        progress: Called after each processed block with the samples done and the samples in all (None
            where the input does not say).
        on_input: Called with each input block, finite, before the effect gets it.
        measure: Compare input and output.
        allow_empty: Accept a recording without samples.
        learn: Let denoisers learn noise and hum from the beginning before the first sample comes out
            (`learn_ahead`); False for sound that must not wait.

    Attributes:
        sample_rate: Hz.
        num_samples: Input samples per channel so far.
        num_nonfinite: Input samples so far that were not finite and became silence.
        meter: What became of the sound; None without `measure`.
    """

    def __init__(
        self,
        effect: Effect,
        reader: AudioReader,
        name: str,
        *,
        block_size: int = DEFAULT_BLOCK_SIZE,
        progress: Progress | None = None,
        on_input: Callable[[Block], None] | None = None,
        measure: bool = False,
        allow_empty: bool = False,
        learn: bool = True,
    ) -> None:
        self.num_samples = 0
        self.num_nonfinite = 0
        rate = reader.format.sample_rate
        self.sample_rate = rate
        self.meter = _meter(effect, rate) if measure else None
        self._effect = effect
        self._reader = reader
        self._name = name
        self._block_size = block_size
        self._progress = progress
        self._on_input = on_input
        self._allow_empty = allow_empty
        self._learn = learn

    def blocks(self) -> Iterator[Block]:
        """Yield the processed sound, aligned with the input and as long to the sample.

        Yields:
            float32 (channels, samples), never empty.

        Raises:
            OSError: The recording cannot be read.
            AudioFileError: It is damaged, cut short, or without sound.
            RuntimeError: The effect swallowed samples, gave samples that are not finite, or its model failed
                in more than half of the frames.
        """
        source = self._reader.format
        num_done = 0
        recording: Iterator[Block] = self._input()
        if self._learn:
            beginning = learn_ahead(self._effect, recording, source.sample_rate, self._block_size)
            recording = itertools.chain(beginning, recording)
        for block in stream(self._effect, recording, source.sample_rate, self._block_size):
            if not np.isfinite(block).all():
                raise RuntimeError(
                    f"{self._name}: the effect gave samples that are not finite. Change its settings."
                )
            if self.meter is not None:
                self.meter.compare(block)
            yield block
            num_done += block.shape[1]
            if self._progress is not None:
                self._progress(num_done, source.num_samples)
        if self.num_samples == 0 and not self._allow_empty:
            raise AudioFileError(f"{self._name} holds no sound.")
        self._check_models(source.sample_rate)

    def _check_models(self, sample_rate: float) -> None:
        """Refuse a result that is silence for the most part, because a model failed."""
        for denoiser in find_denoisers(self._effect):
            info = denoiser.model_info
            num_frames = 1000.0 * self.num_samples / sample_rate / (info.frame_ms / info.overlap)
            if denoiser.num_faulty_frames > _MAX_FAULTY_SHARE * num_frames:
                raise RuntimeError(
                    f"{self._name}: the model {denoiser.model} failed in {denoiser.num_faulty_frames} of "
                    f"{num_frames:.0f} frames. Use another model."
                )

    def warnings(self, *writers: AudioWriter, clip_remedy: str = "Turn the input down.") -> list[str]:
        """One sentence for each thing about the result that the user must know.

        Args:
            writers: Where the sound went.
            clip_remedy: What to do about clipped samples, a sentence.
        """
        found = list(self._reader.warnings)
        rate = self._reader.format.sample_rate
        if not MIN_TESTED_RATE <= rate <= MAX_TESTED_RATE and list(find_denoisers(self._effect)):
            found.append(
                f"{self._name} has {rate} Hz; denoisers are made and tested for {MIN_TESTED_RATE} to "
                f"{MAX_TESTED_RATE} Hz."
            )
        for writer in writers:
            found += writer.warnings
        if self.num_nonfinite:
            found.append(f"samples that were not finite and became silence: {self.num_nonfinite}.")
        for denoiser in find_denoisers(self._effect):
            if denoiser.num_nonfinite:
                found.append(
                    f"{denoiser.model}: samples from the effects before it that were not finite and "
                    f"became silence: {denoiser.num_nonfinite}."
                )
            if denoiser.num_faulty_frames:
                found.append(
                    f"{denoiser.model}: frames in which the model failed, now silent: "
                    f"{denoiser.num_faulty_frames}."
                )
        if num_clipped := sum(writer.num_clipped for writer in writers):
            found.append(
                f"samples beyond full scale, clipped in {writers[0].format.subtype}: {num_clipped}. "
                f"{clip_remedy}"
            )
        return found

    def _input(self) -> Iterator[Block]:
        for block in self._reader.blocks(self._block_size):
            finite, _, num_replaced = replace_nonfinite(block)
            self.num_nonfinite += num_replaced
            self.num_samples += finite.shape[1]
            if self.meter is not None:
                self.meter.update(finite)
            if self._on_input is not None:
                self._on_input(finite)
            yield finite


def _meter(effect: Effect, sample_rate: float) -> CleaningMeter:
    if all(denoiser.output == "denoised" for denoiser in find_denoisers(effect)):
        return CleaningMeter(sample_rate)
    # Level and peak are those of the output: noise and target of the cleaned sound would not go with them.
    return CleaningMeter(sample_rate, unknown="the output holds what was removed")
