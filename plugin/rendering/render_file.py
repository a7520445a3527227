"""`render` and `stream_file`: files through effects, block by block, for scripts."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.open_audio import (
    PIPE,
    AudioFormat,
    AudioReader,
    AudioWriter,
    Excerpt,
    open_input,
    open_output,
)
from hushgate.effects.denoiser import Denoiser
from hushgate.effects.preset_or_model import AnyEffect, as_effect, loudness_of, preset_of
from hushgate.pedalboard_compat import streaming
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE, checked_buffer_size
from hushgate.pedalboard_compat.effect_protocol import Effect
from hushgate.rendering.file_loop import Block, FileLoop, Progress
from hushgate.rendering.loudness import LoudnessNormalizer, normalized
from hushgate.rendering.open_handles import HandleReader, handle_writer
from hushgate.rendering.summary import Summary, summarize


def render(
    effect: AnyEffect,
    input: str | os.PathLike[str] | Any,
    output: str | os.PathLike[str] | Any,
    *,
    progress: Progress | None = None,
    block_size: int = DEFAULT_BLOCK_SIZE,
    subtype: str | None = None,
    overwrite: bool = False,
    start_s: float = 0.0,
    end_s: float | None = None,
    raw: str | None = None,
    dither: bool = True,
    loudness: float | Literal["preset"] | None = "preset",
    learn: bool = True,
) -> Rendered:
    """Run a file through an effect into another file, aligned and as long to the sample.

    Only a block at a time is in memory, however long the file is. An output that is named by a path
    appears when it is whole, or not at all.

    Args:
        effect: A `Denoiser`, a `Chain`, or anything with pedalboard's `process` and `reset`, which is
            reset first; or a preset: a shipped name, or the path of a file.
        input: A path, a binary file object (BytesIO; one that cannot seek must give WAV), an open
            `soundfile.SoundFile`, or an open `pedalboard.io.AudioFile`; an open file is read from its
            current position, and left open. Samples that are not finite become silence.
        output: A path, a binary file object, or an open file of either kind. A path's extension decides
            the container; the sample format is the input's where the container has it. A file object
            gets the complete file at the end, in the input's container if that can be written.
        progress: Called after each block with the samples done and the samples in all (None where
            the input does not say).
        block_size: Samples in memory at once, 1 or more.
        subtype: soundfile's name of a sample format for an output path, such as "PCM_24".
        overwrite: Replace a file that is there.
        start_s, end_s: The part of the input to process, seconds; None for its end.
        raw: RATE,CHANNELS,FORMAT of an input of samples without a header, such as "48000,2,s16le".
        dither: Add dither where samples get shorter on the way to an output path or file object.
        loudness: Loudness of the output, LUFS (EBU R 128), with true peaks of at most -1 dBTP; None for that
            which the effect gives, "preset" for that of the preset.
        learn: Let denoisers hear the beginning, 30 s at most, before the first sample is processed, so that
            noise and hum are known from the start; False gives what a stream gives.

    Returns:
        Samples written, per channel, with a `summary` of what was done and its `warnings`.

    Raises:
        OSError, AudioFileError: A file cannot be read or written.
        TypeError: `input` or `output` is none of these.
        ValueError: The input is the output, an open output has another format than the input, or
            the effect holds a native plugin that pedalboard cannot run block by block.
        RuntimeError: The effect swallowed samples, or gave samples that are not finite.
    """
    lufs = loudness_of(loudness, preset_of(effect))
    ready = as_effect(effect)
    started = time.perf_counter()
    num_written = 0
    normalizer: LoudnessNormalizer | None = None
    writer: AudioWriter | None = None
    with contextlib.ExitStack() as files:
        excerpt = Excerpt(start_s, end_s)
        loop, source = _open_loop(
            files, ready, input, progress, block_size, excerpt, raw, measure=True, learn=learn
        )
        write: Callable[[NDArray[np.float32]], None]
        if isinstance(output, str | os.PathLike) or is_file_object(output):
            has_path = isinstance(input, str | os.PathLike)
            opened = getattr(input, "name", None)  # of a file object, soundfile's and pedalboard's files
            target = open_output(
                output,
                source,
                input if has_path or (is_file_object(input) and raw is None) else PIPE,
                subtype=subtype,
                overwrite=overwrite,
                dither=dither,
                excerpt=excerpt,
                originals=[opened] if not has_path and isinstance(opened, str | int) else [],
            )
            writer = files.enter_context(target)
            write = writer.write
        else:
            write = handle_writer(output, source)
        if lufs is not None:
            folder = Path(output).parent if isinstance(output, str | os.PathLike) else None
            normalizer = files.enter_context(
                LoudnessNormalizer(source.sample_rate, source.num_channels, lufs, folder=folder)
            )
        for block in normalized(loop.blocks(), normalizer):
            write(block)
            num_written += block.shape[1]
    summary = summarize(
        ready,
        loop,
        time.perf_counter() - started,
        0 if writer is None else writer.num_clipped,
        None if normalizer is None else normalizer.figures,
    )
    warnings = loop.warnings(*([] if writer is None else [writer]))
    return Rendered(num_written, replace(summary, warnings=tuple(warnings)))


class Rendered(int):
    """The number of samples, per channel, that `render` wrote.

    Attributes:
        summary: What was done; its `warnings` say what was not kept, had to be converted, or was clipped.
    """

    summary: Summary

    def __new__(cls, num_samples: int, summary: Summary) -> Self:
        made = super().__new__(cls, num_samples)
        made.summary = summary
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (int(self), self.summary)

    def _repr_html_(self) -> str:
        from hushgate.rendering.notebook import table_html

        return table_html(self.summary.lines())


def stream(
    effect: AnyEffect,
    blocks: Iterable[NDArray[np.float32]],
    sample_rate: float,
    block_size: int = DEFAULT_BLOCK_SIZE,
) -> Iterator[NDArray[np.float32]]:
    """Yield the processed sound of `blocks`, aligned with it and as long to the sample.

    The effect is reset first and drained with silence at the end, which takes its latency out of
    time and length. Only the present block is kept: memory does not grow. The effect keeps its last
    meter readings; reset it before another use.

    Args:
        effect: As for `render`.
        blocks: float32 (channels, samples) each, all with the same number of channels.
        sample_rate: Hz, positive.
        block_size: Samples handed to the effect at once, 1 or more. Sound comes back in pieces of this
            size: 65,536 is quickest, a smaller one comes back sooner.

    Yields:
        float32 (channels, samples); other sizes than the blocks that came in, never empty.

    Raises:
        RuntimeError: The effect kept samples and did not return them after a minute of silence.
        TypeError, ValueError: `block_size` is not a whole number of 1 or more.
    """
    yield from streaming.stream(as_effect(effect), blocks, sample_rate, block_size)


def stream_file(
    effect: AnyEffect,
    input: str | os.PathLike[str] | Any,
    *,
    progress: Progress | None = None,
    block_size: int = DEFAULT_BLOCK_SIZE,
    start_s: float = 0.0,
    end_s: float | None = None,
    raw: str | None = None,
    learn: bool = True,
) -> Iterator[Block]:
    """Yield the processed sound of a file, aligned with it and as long to the sample.

    Args:
        effect, input, progress, block_size, start_s, end_s, raw, learn: As for `render`.

    Yields:
        float32 (channels, samples), never empty.

    Raises:
        OSError, AudioFileError, TypeError, ValueError, RuntimeError: As `render`.
    """
    with contextlib.ExitStack() as files:
        excerpt = Excerpt(start_s, end_s)
        loop, _ = _open_loop(files, as_effect(effect), input, progress, block_size, excerpt, raw, learn=learn)
        yield from loop.blocks()


def check_streamable(effect: Effect) -> None:
    """Refuse an effect whose sound would be lost or shifted block by block.

    Raises:
        ValueError: It holds such a native plugin; names it.
    """
    if isinstance(effect, Denoiser):  # a command without a preset does without pedalboard
        return
    from hushgate.chain_graph.flatten import read_effect

    if names := read_effect(effect).not_streamable():
        raise ValueError(
            f"effect must run block by block, and pedalboard's {', '.join(names)} cannot. "
            "Call the effect with the whole recording instead."
        )


def is_file_object(value: Any) -> bool:
    """Whether a value is a binary file object, and not a sound file that soundfile or pedalboard opened."""
    return isinstance(value, io.RawIOBase | io.BufferedIOBase | tempfile.SpooledTemporaryFile)


def _open_loop(
    files: contextlib.ExitStack,
    effect: Effect,
    source: Any,
    progress: Progress | None,
    block_size: int,
    excerpt: Excerpt,
    raw: str | None,
    *,
    measure: bool = False,
    learn: bool = True,
) -> tuple[FileLoop, AudioFormat]:
    check_streamable(effect)
    size = checked_buffer_size(block_size, "block_size")
    is_path = isinstance(source, str | os.PathLike)
    reader: AudioReader
    if is_path or is_file_object(source):
        reader = files.enter_context(open_input(source, raw=raw, excerpt=excerpt))
    elif raw is not None or excerpt != Excerpt():
        raise TypeError(
            f"input must be a path or a binary file object with start_s, end_s or raw (got {source!r})."
        )
    else:
        reader = HandleReader(source)
    name = os.fspath(source) if is_path else str(getattr(source, "name", "input"))
    loop = FileLoop(
        effect,
        reader,
        name,
        block_size=size,
        progress=progress,
        measure=measure,
        allow_empty=not is_path,
        learn=learn,
    )
    return loop, reader.format
