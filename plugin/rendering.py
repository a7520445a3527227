"""Run effects over whole files, block by block, for host scripts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from pedalboard import io as pedalboard_io

from hushgate.audio_files.formats import AudioFormat
from hushgate.audio_files.open_audio import (
    DEFAULT_BLOCK_SIZE,
    PIPE,
    AudioReader,
    AudioWriter,
    open_input,
    open_output,
)
from hushgate.chain_graph.flatten import read_tree
from hushgate.effects.chain import Chain
from hushgate.pedalboard_compat.call_arguments import checked_buffer_size
from hushgate.pedalboard_compat.effect_protocol import Effect
from hushgate.pedalboard_compat.streaming import stream

Progress = Callable[[int, int | None], None]
Blocks = Iterator[NDArray[np.float32]]

# pedalboard names sample formats as numpy does.
_SUBTYPES = {"int8": "PCM_S8", "int16": "PCM_16", "int24": "PCM_24", "int32": "PCM_32", "float64": "DOUBLE"}


def render(
    effect: Effect,
    input: str | os.PathLike[str] | Any,
    output: str | os.PathLike[str] | Any,
    *,
    progress: Progress | None = None,
    block_size: int = DEFAULT_BLOCK_SIZE,
    subtype: str | None = None,
    overwrite: bool = False,
) -> int:
    """Run a file through an effect into another file, aligned and as long to the sample.

    Only a block at a time is in memory, however long the file is. An output that is named by a path
    appears when it is whole, or not at all.

    Args:
        effect: A `Denoiser`, a `Chain`, or anything with pedalboard's `process` and `reset`. It is
            reset first.
        input: A path, an open `soundfile.SoundFile`, or an open `pedalboard.io.AudioFile`; an open
            file is read from where it stands, and left open.
        output: A path, or an open file of either kind. A path's extension decides the container;
            the sample format is the input's where the container has it.
        progress: Called after each block with the samples done and the samples in all (None where
            the input does not say).
        block_size: Samples in memory at once, 1 or more.
        subtype: soundfile's name of a sample format for an output path, such as "PCM_24".
        overwrite: Replace a file that is there.

    Returns:
        Samples written, per channel.

    Raises:
        OSError, AudioFileError: A file cannot be read or written.
        TypeError: `input` or `output` is neither a path nor such a file.
        ValueError: The input is the output, an open output has another format than the input, or
            the effect holds a native plugin that pedalboard cannot run block by block.
    """
    num_written = 0
    with contextlib.ExitStack() as files:
        form, blocks = _open_stream(files, effect, input, block_size)
        if isinstance(output, str | os.PathLike):
            source = input if isinstance(input, str | os.PathLike) else PIPE
            target: AbstractContextManager[AudioWriter] = open_output(
                output, form, source, subtype=subtype, overwrite=overwrite
            )
            write: Callable[[NDArray[np.float32]], None] = files.enter_context(target).write
        else:
            write = _handle_write(output, form)
        for block in _counted(blocks, form.num_samples, progress):
            write(block)
            num_written += block.shape[1]
    return num_written


def stream_file(
    effect: Effect,
    input: str | os.PathLike[str] | Any,
    *,
    progress: Progress | None = None,
    block_size: int = DEFAULT_BLOCK_SIZE,
) -> Blocks:
    """Yield the processed sound of a file, aligned with it and as long to the sample.

    Args:
        effect, input, progress, block_size: As for `render`.

    Yields:
        float32 (channels, samples), never empty.

    Raises:
        OSError, AudioFileError, TypeError, ValueError: As `render`.
    """
    with contextlib.ExitStack() as files:
        form, blocks = _open_stream(files, effect, input, block_size)
        yield from _counted(blocks, form.num_samples, progress)


def check_streamable(effect: Effect) -> None:
    """Refuse an effect whose sound would be lost or shifted block by block.

    Raises:
        ValueError: It holds such a native plugin; names it.
    """
    if names := read_tree(Chain([effect])).not_streamable():
        raise ValueError(
            f"effect must run block by block, and pedalboard's {', '.join(names)} cannot. "
            "Call the effect with the whole recording instead."
        )


def _open_stream(
    files: contextlib.ExitStack, effect: Effect, source: Any, block_size: int
) -> tuple[AudioFormat, Blocks]:
    check_streamable(effect)
    size = checked_buffer_size(block_size, "block_size")
    if isinstance(source, str | os.PathLike):
        opened: AbstractContextManager[AudioReader] = open_input(source)
        reader = files.enter_context(opened)
        form, blocks = reader.format, reader.blocks(size)
    else:
        form, blocks = _handle_format("input", source), _handle_blocks(source, size)
    return form, stream(effect, blocks, form.sample_rate, size)


def _counted(blocks: Blocks, num_samples: int | None, progress: Progress | None) -> Blocks:
    num_done = 0
    for block in blocks:
        yield block
        num_done += block.shape[1]
        if progress is not None:
            progress(num_done, num_samples)


def _handle_format(name: str, handle: Any) -> AudioFormat:
    """The form of an open file; its length is what is left of it."""
    if isinstance(handle, soundfile.SoundFile):
        num_left = handle.frames - handle.tell() if handle.seekable() else None
        return AudioFormat(
            handle.samplerate, handle.channels, num_left, handle.format, handle.subtype, handle.endian
        )
    if isinstance(handle, pedalboard_io.AudioFile):
        file: Any = handle  # the class that pedalboard types has none of this
        subtype = _SUBTYPES.get(file.file_dtype, "FLOAT")
        num_left = file.frames - file.tell()
        return AudioFormat(int(file.samplerate), file.num_channels, num_left, "WAV", subtype)
    raise TypeError(
        f"{name} must be a path, a soundfile.SoundFile or a pedalboard.io.AudioFile (got {handle!r})."
    )


def _handle_blocks(handle: Any, block_size: int) -> Blocks:
    """Yield float32 (channels, samples) from an open file, to its end."""
    while True:
        if isinstance(handle, soundfile.SoundFile):
            block = np.ascontiguousarray(handle.read(block_size, dtype="float32", always_2d=True).T)
        else:
            block = handle.read(block_size)
        if block.shape[1] == 0:
            return
        yield block


def _handle_write(handle: Any, form: AudioFormat) -> Callable[[NDArray[np.float32]], None]:
    target = _handle_format("output", handle)
    for name in ("sample_rate", "num_channels"):
        wanted, given = getattr(form, name), getattr(target, name)
        if wanted != given:
            raise ValueError(f"output must have the {name} of the input, {wanted} (got {given}).")
    if isinstance(handle, soundfile.SoundFile):
        return lambda block: handle.write(block.T)

    def write(block: NDArray[np.float32]) -> None:
        # As many samples as channels: pedalboard could not tell which is which.
        for part in np.split(block, [1], axis=1) if block.shape[0] == block.shape[1] > 1 else [block]:
            handle.write(part)

    return write
