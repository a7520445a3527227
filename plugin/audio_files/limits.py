"""Upper bounds for what a file may make the readers allocate or search."""

from __future__ import annotations

# Every size in a header is compared with the bytes that the file holds before anything is allocated; the
# bounds below hold where the file itself may be as large as it likes.

MAX_CHANNELS = 256
"""Channels of an input. The largest mixing desks and ambisonic arrays have fewer; a header may claim
65,535."""

MAX_SAMPLE_RATE = 4_000_000
"""Hz. Ultrasound recorders and DSD converted to PCM stay below 3 MHz."""

MAX_VALUES_PER_S = 64_000_000
"""Channels times Hz: 256 channels at 192 kHz fit. Memory grows with both, to 1.3 GB for 256
channels at 1 MHz."""

MAX_NUM_CHUNKS = 4_096
"""Chunks of one RIFF-like file that are listed. Real files have fewer than a hundred; without a bound
a file of empty chunks would cost eight bytes of file but a hundred bytes of memory each."""

MAX_METADATA_BYTES = 64 * 2**20
"""One tag, picture or text chunk that is taken into memory. Cover art in print quality is below 30 MiB."""

MAX_TAG_BYTES = 256 * 2**20
"""One ID3v2 tag in front of the sound: its own size field cannot say more (28 bits)."""

MAX_NUM_TAGS = 16
"""Tags one behind the other in front of the sound. Programs that do not know of each other leave two
or three."""

MAX_PIPE_CHUNK_BYTES = 16 * 2**20
"""A chunk before the sound that is read from a pipe and thrown away: `bext`, `iXML` and pictures fit."""

MAX_NUM_STREAMS = 10_000
"""Streams one behind the other in one file: a day of web radio with a new title every ten seconds."""

MAX_RESYNC_BYTES = 2**16
"""Bytes between two MPEG frames that are passed over as junk in one place before the frame scan gives up."""

SCAN_BYTES = 2**20
"""Bytes read at once while a file is searched; every search reads each byte once."""

MAX_FLAC_TAIL_BYTES = 2**19
"""How far before the end the last FLAC frames are looked for: two of 8 channels, 24 bits and
8,192 samples fit."""

MAX_GAP_S = 3600.0
"""The longest hole between two packets of a film's sound that is filled with silence, seconds.
A time stamp that jumps further is taken for damage."""


def is_within(num_channels: int, sample_rate: float) -> bool:
    """True for a number of channels and a rate, Hz, that are read."""
    in_range = 1 <= num_channels <= MAX_CHANNELS and 1 <= sample_rate <= MAX_SAMPLE_RATE
    return in_range and num_channels * sample_rate <= MAX_VALUES_PER_S


def describe_within(num_channels: int, sample_rate: float) -> str:
    """What `is_within` wants, for an error about a file that is not."""
    return (
        f"must have 1 to {MAX_CHANNELS} channels, 1 to {MAX_SAMPLE_RATE} Hz and at most {MAX_VALUES_PER_S} "
        f"values per second in all (got {num_channels} channels at {sample_rate} Hz)"
    )
