"""A corpus of sound files: containers, codecs, layouts, rates, word lengths, tags and faults of headers.

Each channel of each file holds one tone of its own. `build_corpus` makes every file from bytes in memory.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
import soundfile

LFE_HZ = 60.0
# Layouts by number of channels, in the order of WAVE_FORMAT_EXTENSIBLE.
USUAL = {
    1: "FC",
    2: "FL FR",
    3: "FL FR FC",
    4: "FL FR BL BR",
    5: "FL FR FC BL BR",
    6: "FL FR FC LFE BL BR",
    7: "FL FR FC LFE BC SL SR",
    8: "FL FR FC LFE BL BR SL SR",
}
BITS = "FL FR FC LFE BL BR FLC FRC BC SL SR".split()  # noqa: SIM905
# What is stored first, second, ... in formats with an order of their own.
VORBIS = {
    3: "FL FC FR",
    5: "FL FC FR BL BR",
    6: "FL FC FR BL BR LFE",
    7: "FL FC FR SL SR BC LFE",
    8: "FL FC FR SL SR BL BR LFE",
}
ALAC = {3: "FC FL FR", 5: "FC FL FR BL BR", 6: "FC FL FR BL BR LFE"}


@dataclass(frozen=True)
class Sample:
    """One file of the corpus.

    Attributes:
        name: File name.
        content: Its bytes.
        num_samples: Exact length, samples per channel; None where only `at_least` is known.
        num_channels, sample_rate: As it must be read.
        mask: Loudspeakers that must be found; None where the file names none.
        refused: Part of the message, for files that must be refused; "" for the others.
        at_least: Where the format does not say its length: no less than this.
        warning: Part of a warning that must be given; "" for none.
        speakers: Names of the loudspeakers, for the tones; "" for the usual ones.
    """

    name: str
    content: bytes
    num_samples: int | None = None
    num_channels: int = 1
    sample_rate: int = 44_100
    mask: int | None = None
    refused: str = ""
    at_least: int = 0
    warning: str = ""
    speakers: str = ""


def mask_of(speakers: str) -> int:
    """A dwChannelMask."""
    return sum(1 << BITS.index(name) for name in speakers.split())


def tone_hz(speakers: str) -> list[float]:
    """The tone of each channel: all different; a deep one where encoders cut off the rest."""
    return [LFE_HZ if name == "LFE" else 400.0 + 150.0 * place for place, name in enumerate(speakers.split())]


def tones(num_samples: int, sample_rate: int, speakers: str) -> np.ndarray:
    """float32 (samples, channels), one tone per channel."""
    time = np.arange(num_samples)[:, None] / sample_rate
    return (0.25 * np.sin(2 * np.pi * np.array(tone_hz(speakers)) * time)).astype(np.float32)


def strongest_tones(sound: np.ndarray, sample_rate: int, speakers: str) -> list[float]:
    """Which of the tones each channel of (channels, samples) holds."""
    frequencies = tone_hz(speakers)
    window = np.hanning(sound.shape[1])
    time = np.arange(sound.shape[1]) / sample_rate
    waves = np.exp(-2j * np.pi * np.array(frequencies)[:, None] * time) * window
    return [frequencies[int(np.argmax(np.abs(waves @ channel)))] for channel in sound.astype(np.float64)]


def sndfile_bytes(
    container: str,
    subtype: str,
    num_samples: int,
    sample_rate: int = 44_100,
    speakers: str = "FC",
    stored: str = "",
    **options: Any,
) -> bytes:
    """A file written by libsndfile, with the channels in the order `stored`."""
    sound = tones(num_samples, sample_rate, speakers)
    if stored:
        sound = sound[:, [speakers.split().index(name) for name in stored.split()]]
    file = io.BytesIO()
    soundfile.write(file, sound, sample_rate, format=container, subtype=subtype, **options)
    return file.getvalue()


def ffmpeg_bytes(
    muxer: str,
    encoder: str,
    sample_format: str,
    num_samples: int,
    sample_rate: int = 44_100,
    speakers: str = "FL FR",
    bit_rate: int | None = None,
    metadata: dict[str, str] | None = None,
) -> bytes:
    """A file written by FFmpeg."""
    file = io.BytesIO()
    layout = "+".join(speakers.split())
    with av.open(file, "w", format=muxer) as container:
        container.metadata.update(metadata or {})
        stream: Any = container.add_stream(encoder, rate=sample_rate)
        codec = stream.codec_context
        codec.layout, codec.format = layout, sample_format
        codec.time_base = stream.time_base = Fraction(1, sample_rate)
        if bit_rate is not None:
            codec.bit_rate = bit_rate
        container.start_encoding()
        size = codec.frame_size or 1024
        sound = tones(num_samples, sample_rate, speakers).T
        kind = sample_format.removesuffix("p")
        if kind != "flt":
            bits = {"s16": 15, "s32": 31}[kind]
            scaled = np.rint(sound.astype(np.float64) * 2**bits)
            sound = scaled.astype({"s16": np.int16, "s32": np.int32}[kind])
        for start in range(0, num_samples, size):
            part = sound[:, start : start + size]
            shaped = part if sample_format.endswith("p") else part.T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(shaped), format=sample_format, layout=layout
            )
            frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
            container.mux(codec.encode(frame))
        container.mux(codec.encode(None))
    return file.getvalue()


# Bytes put into or in front of files.


def chunk(kind: bytes, body: bytes, order: str = "<", *, pad: bool = True) -> bytes:
    """One RIFF chunk."""
    return struct.pack(f"{order}4sI", kind, len(body)) + body + b"\0" * (pad * (len(body) % 2))


def id3(size: int = 300, title: str = "A title") -> bytes:
    """An ID3v2.3 tag with a title and padding."""
    text = b"\0" + title.encode("latin-1")
    frame = b"TIT2" + struct.pack(">IH", len(text), 0) + text
    body = frame.ljust(size, b"\0")
    return b"ID3\3\0\0" + bytes((0, 0, size >> 7, size & 127)) + body


ID3V1 = b"TAG" + b"Title".ljust(30, b"\0") + bytes(95)
APE = b"APETAGEX" + struct.pack("<IIII8x", 2000, 32, 0, 0)
INFO = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Title\0"))


def put(content: bytes, place: int, value: bytes) -> bytes:
    """Bytes replaced at a place."""
    return content[:place] + value + content[place + len(value) :]


def data_place(content: bytes, kind: bytes = b"data") -> int:
    """Where the size of the data chunk stands in a RIFF or AIFF file."""
    return content.index(kind) + 4


def build_corpus() -> Iterator[Sample]:
    """Yield every file."""
    for make in (
        _libsndfile_formats,
        _compressed_formats,
        _layouts,
        _ffmpeg_formats,
        _wav_sizes,
        _other_sizes,
        _mpeg_faults,
        _flac_faults,
        _ogg_faults,
        _tags,
        _not_sound,
    ):
        yield from make()


def _libsndfile_formats() -> Iterator[Sample]:
    rows = [
        ("wav", "WAV", "PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW"),
        ("rf64", "RF64", "PCM_16 PCM_24 FLOAT"),
        ("w64", "W64", "PCM_16 PCM_24 FLOAT"),
        ("aiff", "AIFF", "PCM_S8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE"),
        ("caf", "CAF", "PCM_16 PCM_24 FLOAT ALAC_16 ALAC_24"),
        ("au", "AU", "PCM_16 PCM_24 FLOAT"),
        ("flac", "FLAC", "PCM_S8 PCM_16 PCM_24"),
    ]
    rates = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)
    number = 0
    for extension, container, subtypes in rows:
        for subtype in subtypes.split():
            for num_channels in (1, 2):
                rate = rates[number % len(rates)]
                number += 1
                count = rate // 3 + number % 2
                if (container, subtype) == ("AIFF", "PCM_S8"):  # libsndfile counts the pad byte as a sample
                    count += count % 2
                content = sndfile_bytes(container, subtype, count, rate, USUAL[num_channels])
                mask = None
                if container == "RF64" or container == "FLAC" or subtype.startswith("ALAC"):
                    mask = mask_of(USUAL[num_channels])
                name = f"plain-{subtype}-{rate}-{num_channels}.{extension}"
                yield Sample(name, content, count, num_channels, rate, mask)
    big = sndfile_bytes("WAV", "PCM_16", 9_001, endian="BIG")
    yield Sample("plain-rifx.wav", big, 9_001)


def _compressed_formats() -> Iterator[Sample]:
    for rate in (8_000, 16_000, 22_050, 32_000, 44_100, 48_000):
        for num_channels in (1, 2):
            count = rate // 2 + 3
            content = sndfile_bytes("MP3", "MPEG_LAYER_III", count, rate, USUAL[num_channels])
            yield Sample(f"mp3-{rate}-{num_channels}.mp3", content, count, num_channels, rate)
    for subtype, rate in (("VORBIS", 44_100), ("VORBIS", 96_000), ("OPUS", 48_000), ("OPUS", 16_000)):
        count = rate // 2 + 3
        content = sndfile_bytes("OGG", subtype, count, rate)
        yield Sample(f"{subtype}-{rate}.ogg", content, count, 1, rate, mask_of("FC"))
    for subtype in ("IMA_ADPCM", "MS_ADPCM"):
        for num_channels in (1, 2):
            count = 13_787
            content = sndfile_bytes("WAV", subtype, count, 44_100, USUAL[num_channels])
            # libsndfile writes the padded length; other programs the true one.
            place = content.index(b"fact") + 8
            content = put(content, place, struct.pack("<I", count))
            yield Sample(f"{subtype}-{num_channels}.wav", content, count, num_channels)
    gsm = sndfile_bytes("WAV", "GSM610", 8_000, 8_000)
    yield Sample("gsm.wav", put(gsm, gsm.index(b"fact") + 8, struct.pack("<I", 8_000)), 8_000, 1, 8_000)
    mp3 = _mpeg_in_wav(sndfile_bytes("MP3", "MPEG_LAYER_III", 20_001), 0x55, 1)
    yield Sample("mp3-in.wav", mp3, 20_001)
    layer_2 = ffmpeg_bytes("mp2", "mp2", "s16", 20_001)
    yield Sample("layer-2.mp2", layer_2, -(-20_001 // 1152) * 1152, 2)
    yield Sample("layer-2-in.wav", _mpeg_in_wav(layer_2), -(-20_001 // 1152) * 1152, 2)


def _mpeg_in_wav(frames: bytes, code: int = 0x50, num_channels: int = 2) -> bytes:
    if code == 0x50:
        extra = struct.pack("<HIHHHII", 2, 384_000, 1, 0, 1, 0, 0)
    else:
        extra = struct.pack("<HIHHH", 1, 2, 417, 1, 1393)
    layout = struct.pack("<HHIIHHH", code, num_channels, 44_100, 16_000, 1, 0, len(extra)) + extra
    fact = chunk(b"fact", struct.pack("<I", 20_001))
    body = b"WAVE" + chunk(b"fmt ", layout) + fact + chunk(b"data", frames)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _layouts() -> Iterator[Sample]:
    for num_channels in range(1, 9):
        speakers = USUAL[num_channels]
        mask = mask_of(speakers)
        for name, container, subtype, rate, order in (
            ("flac", "FLAC", "PCM_16", 44_100, {}),
            ("ogg", "OGG", "VORBIS", 44_100, VORBIS),
            ("opus", "OGG", "OPUS", 48_000, VORBIS),
        ):
            count = rate // 2 + 1
            stored = order.get(num_channels, "")
            content = sndfile_bytes(container, subtype, count, rate, speakers, stored)
            yield Sample(f"layout-{num_channels}.{name}", content, count, num_channels, rate, mask)
    for num_channels, stored in ALAC.items():
        content = sndfile_bytes("CAF", "ALAC_16", 20_001, 44_100, USUAL[num_channels], stored)
        mask = mask_of(USUAL[num_channels])
        yield Sample(f"layout-alac-{num_channels}.caf", content, 20_001, num_channels, mask=mask)
    for speakers in (
        "FL FR LFE",
        "FL FR FC BC",
        "FL FR SL SR",
        "FL FR FC LFE SL SR",
        "FL FR FC LFE BC",
        "LFE",
    ):
        num_channels, mask = len(speakers.split()), mask_of(speakers)
        wav = with_mask(sndfile_bytes("WAVEX", "PCM_16", 9_001, 44_100, speakers), mask)
        label = speakers.replace(" ", "")
        yield Sample(f"mask-{label}.wav", wav, 9_001, num_channels, mask=mask, speakers=speakers)
        rf64 = with_mask(sndfile_bytes("RF64", "PCM_24", 9_001, 44_100, speakers), mask)
        yield Sample(f"mask-{label}.rf64", rf64, 9_001, num_channels, mask=mask, speakers=speakers)
        aiff = sndfile_bytes("AIFF", "PCM_16", 9_001, 44_100, speakers)
        aiff += chunk(b"CHAN", struct.pack(">III", 0x10000, mask, 0), ">")
        aiff = put(aiff, 4, struct.pack(">I", len(aiff) - 8))
        yield Sample(f"mask-{label}.aiff", aiff, 9_001, num_channels, mask=mask, speakers=speakers)
    for speakers in ("FL FR FC", "FL FR FC LFE BL BR"):
        for muxer, encoder, kind, extension in (
            ("mp4", "aac", "fltp", "m4a"),
            ("mp4", "alac", "s16p", "alac.m4a"),
            ("matroska", "aac", "fltp", "mka"),
            ("matroska", "flac", "s16", "flac.mka"),
        ):
            num_channels, mask = len(speakers.split()), mask_of(speakers)
            content = ffmpeg_bytes(muxer, encoder, kind, 22_051, 44_100, speakers)
            exact = None if encoder == "aac" and muxer == "matroska" else 22_051
            yield Sample(
                f"layout-{num_channels}.{extension}", content, exact, num_channels, mask=mask, at_least=22_051
            )


def with_mask(content: bytes, mask: int) -> bytes:
    """An extensible WAV file with another mask."""
    return put(content, content.index(b"fmt ") + 8 + 20, struct.pack("<I", mask))


def _ffmpeg_formats() -> Iterator[Sample]:
    rows = [
        ("mp4", "aac", "fltp", 44_100, "memo.m4a", True),
        ("mp4", "aac", "fltp", 48_000, "memo-48.m4a", True),
        ("mp4", "aac", "fltp", 8_000, "memo-8.m4a", True),
        ("mp4", "alac", "s16p", 44_100, "alac.m4a", True),
        ("mp4", "alac", "s32p", 96_000, "alac24.m4a", True),
        ("mp4", "libopus", "flt", 48_000, "opus.mp4", True),
        ("mp4", "flac", "s16", 44_100, "flac.mp4", True),
        ("mov", "pcm_s16le", "s16", 44_100, "pcm.mov", True),
        ("mov", "pcm_s24le", "s32", 48_000, "pcm24.mov", True),
        ("3gp", "aac", "fltp", 44_100, "phone.3gp", True),
        ("matroska", "libopus", "flt", 48_000, "opus.mka", True),
        ("matroska", "flac", "s16", 44_100, "flac.mka", True),
        ("matroska", "pcm_s16le", "s16", 44_100, "pcm.mka", True),
        ("matroska", "libmp3lame", "fltp", 44_100, "mp3.mka", True),
        ("webm", "libopus", "flt", 48_000, "opus.webm", True),
        ("ogg", "flac", "s16", 44_100, "flac.oga", True),
        ("wv", "wavpack", "s16p", 44_100, "pack.wv", True),
        ("tta", "tta", "s16", 44_100, "true.tta", True),
        ("adts", "aac", "fltp", 44_100, "radio.aac", False),
        ("mpegts", "aac", "fltp", 44_100, "radio.ts", False),
        ("flv", "aac", "fltp", 44_100, "web.flv", False),
        ("avi", "pcm_s16le", "s16", 44_100, "old.avi", True),
        ("ac3", "ac3", "fltp", 48_000, "disc.ac3", False),
        ("asf", "wmav2", "fltp", 44_100, "window.wma", False),
        ("matroska", "aac", "fltp", 44_100, "aac.mka", False),
    ]
    for muxer, encoder, kind, rate, name, is_exact in rows:
        count = rate // 2 + 1
        content = ffmpeg_bytes(
            muxer, encoder, kind, count, rate, bit_rate=128_000 if encoder == "wmav2" else None
        )
        # WMA has no count of samples: its last block is missing at the end of the file.
        least = count - 2048 if encoder == "wmav2" else count
        # These name no loudspeakers.
        mask = None if name in ("pcm.mka", "old.avi", "window.wma") else mask_of("FL FR")
        yield Sample(name, content, count if is_exact else None, 2, rate, mask, at_least=least)
    amr = ffmpeg_bytes("amr", "libopencore_amrnb", "s16", 8_000, 8_000, "FC", 12_200)
    yield Sample("voice.amr", amr, None, 1, 8_000, mask_of("FC"), at_least=8_000)


def _wav_sizes() -> Iterator[Sample]:
    count = 9_001
    for subtype, channels in (("PCM_16", 2), ("PCM_24", 1), ("FLOAT", 2), ("PCM_U8", 1)):
        content = sndfile_bytes("WAV", subtype, count, 44_100, USUAL[channels])
        place = data_place(content)
        size = int.from_bytes(content[place : place + 4], "little")
        frame = size // count
        for label, value, warning in (
            ("zero", 0, ""),
            ("ones", 0xFFFFFFFF, ""),
            ("sox", 0x7FFFF000, ""),
            ("half", size // 2 // frame * frame, "all were read"),
            ("one-less", size - frame, "all were read"),
        ):
            faulty = put(content, place, struct.pack("<I", value))
            yield Sample(f"data-{label}-{subtype}.wav", faulty, count, channels, warning=warning)
        larger = put(content, place, struct.pack("<I", size + 10 * frame))
        yield Sample(f"data-more-{subtype}.wav", larger, refused="is cut short: its header announces")
    content = sndfile_bytes("WAV", "PCM_16", count)
    for label, value in (("zero", 0), ("ones", 0xFFFFFFFF), ("less", 1000), ("more", 10**6)):
        yield Sample(f"riff-{label}.wav", put(content, 4, struct.pack("<I", value)), count)
    odd = sndfile_bytes("WAV", "PCM_U8", count)[: 44 + count]
    yield Sample("odd-no-pad.wav", odd, count)
    yield Sample("odd-no-pad-then-list.wav", odd + INFO, count)
    yield Sample("odd-pad-then-list.wav", odd + b"\0" + INFO, count)
    place = content.index(b"data")
    for pad in (False, True):
        extra = chunk(b"LIST", b"INFOx", pad=pad)
        yield Sample(f"odd-chunk-before-{pad}.wav", content[:place] + extra + content[place:], count)
    yield Sample("zeros-behind.wav", content + bytes(4096), count, warning="4096 zero bytes")
    yield Sample("list-behind-zero-size.wav", put(content, place + 4, bytes(4)), count)
    half = put(content, place + 4, struct.pack("<I", count))
    yield Sample("half-size-with-list.wav", half + INFO, None, at_least=count, warning="all were read")


def _other_sizes() -> Iterator[Sample]:
    count = 9_001
    rf64 = sndfile_bytes("RF64", "PCM_16", count)
    place = rf64.index(b"ds64") + 16
    for label, value, refused in (
        ("zero", 0, ""),
        ("ones", 2**64 - 1, ""),
        ("half", count, ""),
        ("more", 4 * count, "is cut short"),
    ):
        faulty = put(rf64, place, struct.pack("<Q", value))
        warning = "all were read" if label == "half" else ""
        yield Sample(
            f"ds64-{label}.rf64", faulty, count, mask=mask_of("FC"), refused=refused, warning=warning
        )
    w64 = sndfile_bytes("W64", "PCM_16", count)
    place = w64.index(b"data\xf3\xac\xd3\x11") + 16
    for label, value, refused in (
        ("zero", 0, ""),
        ("ones", 2**64 - 1, ""),
        ("half", 24 + count // 8 * 8, ""),
        ("more", 24 + 4 * count, "is cut short"),
    ):
        warning = "all were read" if label == "half" else ""
        faulty = put(w64, place, struct.pack("<Q", value))
        yield Sample(f"data-{label}.w64", faulty, count, refused=refused, warning=warning)
    aiff = sndfile_bytes("AIFF", "PCM_16", count)
    place = data_place(aiff, b"SSND")
    for label, value, refused in (
        ("zero", 0, ""),
        ("ones", 2**32 - 1, ""),
        ("half", 8 + count // 2 * 2, ""),
        ("more", 4 * count, "is cut short"),
    ):
        warning = "all were read" if label == "half" else ""
        faulty = put(aiff, place, struct.pack(">I", value))
        yield Sample(f"ssnd-{label}.aiff", faulty, count, refused=refused, warning=warning)
    caf = sndfile_bytes("CAF", "PCM_16", count)
    place = caf.index(b"data") + 4
    for label, value, refused in (
        ("ones", 2**64 - 1, ""),
        ("half", 4 + count // 2 * 2, ""),
        ("more", 4 * count, "is cut short"),
    ):
        warning = "all were read" if label == "half" else ""
        faulty = put(caf, place, struct.pack(">Q", value))
        yield Sample(f"data-{label}.caf", faulty, count, refused=refused, warning=warning)
    au = sndfile_bytes("AU", "PCM_16", count)
    for label, value, refused in (
        ("ones", 2**32 - 1, ""),
        ("zero", 0, ""),
        ("half", count // 2 * 2, ""),
        ("more", 4 * count, "is cut short"),
    ):
        warning = "all were read" if label == "half" else ""
        faulty = put(au, 8, struct.pack(">I", value))
        yield Sample(f"size-{label}.au", faulty, count, refused=refused, warning=warning)


def mp3_frames(content: bytes) -> bytes:
    """An MP3 file without its first frame, that of the Info or Xing tag."""
    head = int.from_bytes(content[:4], "big")
    rates = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000)}[head >> 19 & 3]
    table = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    size = 144_000 * table[head >> 12 & 15] // rates[head >> 10 & 3] + (head >> 9 & 1)
    return content[size:]


def _mpeg_faults() -> Iterator[Sample]:
    rate, count = 44_100, 44_101
    vbr = sndfile_bytes("MP3", "MPEG_LAYER_III", count, rate, bitrate_mode="VARIABLE", compression_level=0.3)
    cbr = sndfile_bytes("MP3", "MPEG_LAYER_III", count, rate, bitrate_mode="CONSTANT", compression_level=0.5)
    # Without the tag nothing tells delay and padding apart from sound: whole frames.
    whole = -(-(count + 1105) // 1152) * 1152
    for label, content in (("vbr", vbr), ("cbr", cbr)):
        frames = mp3_frames(content)
        yield Sample(f"{label}-no-tag.mp3", frames, whole)
        yield Sample(f"{label}-joined.mp3", content + content, 2 * count)
        yield Sample(f"{label}-joined-no-tag.mp3", frames + frames, 2 * whole)
        yield Sample(f"{label}-joined-with-id3.mp3", id3() + content + ID3V1 + id3() + content, 2 * count)
        yield Sample(f"{label}-two-id3.mp3", id3() + id3(200) + content, count)
        yield Sample(f"{label}-two-id3-no-tag.mp3", id3() + id3(200) + frames, whole)
        yield Sample(f"{label}-junk-in-front.mp3", b"<html>\n" * 30 + content, count)
        yield Sample(f"{label}-ape-and-id3v1.mp3", content + APE + ID3V1, count)
        yield Sample(f"{label}-cut.mp3", content[: len(content) // 2], refused="is cut short")
        place = content.index(b"Xing" if b"Xing" in content[:200] else b"Info") + 8
        fewer = put(content, place, struct.pack(">I", 7))
        yield Sample(f"{label}-tag-says-less.mp3", fewer, None, at_least=count)
    yield Sample("three-joined.mp3", vbr + cbr + vbr, 3 * count)
    other = sndfile_bytes("MP3", "MPEG_LAYER_III", 20_000, 32_000)
    yield Sample("joined-of-two-rates.mp3", vbr + other, refused="in different formats")


def _flac_faults() -> Iterator[Sample]:
    count = 30_001
    mask = mask_of("FC")
    content = sndfile_bytes("FLAC", "PCM_16", count)
    total = 18  # 36 bits in the low end of eight bytes

    def announce(number: int) -> bytes:
        value = int.from_bytes(content[total : total + 8], "big") >> 36 << 36 | number
        return put(content, total, value.to_bytes(8, "big"))

    yield Sample("from-a-pipe.flac", announce(0), count, mask=mask)
    yield Sample("says-less.flac", announce(10_000), count, mask=mask, warning="all were read")
    yield Sample("says-more.flac", announce(40_000), refused="cut short after 30001 of 40000")
    yield Sample("id3.flac", id3() + content, count, mask=mask)
    yield Sample("two-id3.flac", id3() + id3(100) + content, count, mask=mask)
    yield Sample("id3v1-behind.flac", content + ID3V1, count, mask=mask)
    yield Sample("joined.flac", content + content, 2 * count, mask=mask)
    yield Sample("joined-from-pipes.flac", announce(0) + announce(0), 2 * count, mask=mask)
    yield Sample("id3-from-a-pipe.flac", id3() + announce(0), count, mask=mask)
    yield Sample("cut.flac", content[: len(content) * 2 // 3], refused="cut short")


def _ogg_faults() -> Iterator[Sample]:
    for label, rate, extension in (("VORBIS", 44_100, "ogg"), ("OPUS", 48_000, "opus")):
        count, mask = rate // 2 + 1, mask_of("FC")
        one = sndfile_bytes("OGG", label, count, rate)
        other = sndfile_bytes("OGG", label, count + 500, rate)
        yield Sample(f"joined-same.{extension}", one + one, 2 * count, 1, rate, mask)
        yield Sample(f"joined.{extension}", one + other + one, 3 * count + 500, 1, rate, mask)
        yield Sample(f"id3-in-front.{extension}", id3() + one, count, 1, rate, mask)
        yield Sample(f"junk-behind.{extension}", one + b"junk" * 10, count, 1, rate, mask)
        yield Sample(f"cut.{extension}", one[:-400], refused="end mark")
        stereo = sndfile_bytes("OGG", label, count, rate, "FL FR")
        yield Sample(f"joined-two-layouts.{extension}", one + stereo, refused="in different formats")


def _tags() -> Iterator[Sample]:
    """Each tag in front of, behind and inside of formats that usually have none there."""
    count = 9_001
    makers: list[tuple[str, Callable[[], bytes], int | None]] = [
        ("wav", lambda: sndfile_bytes("WAV", "PCM_16", count), None),
        ("aiff", lambda: sndfile_bytes("AIFF", "PCM_16", count), None),
        ("caf", lambda: sndfile_bytes("CAF", "PCM_16", count), None),
        ("w64", lambda: sndfile_bytes("W64", "PCM_16", count), None),
        ("rf64", lambda: sndfile_bytes("RF64", "PCM_16", count), mask_of("FC")),
        ("au", lambda: sndfile_bytes("AU", "PCM_16", count), None),
    ]
    for extension, make, mask in makers:
        yield Sample(f"id3-in-front.{extension}", id3() + make(), count, mask=mask)
    for extension, make, mask in makers[:5]:
        yield Sample(f"id3v1-behind.{extension}", make() + ID3V1, count, mask=mask)
        yield Sample(f"ape-behind.{extension}", make() + APE, count, mask=mask)
    m4a = ffmpeg_bytes("mp4", "aac", "fltp", 22_051, metadata={"title": "A title"})
    yield Sample("id3-in-front.m4a", id3() + m4a, 22_051, 2, mask=mask_of("FL FR"))
    aac = ffmpeg_bytes("adts", "aac", "fltp", 22_051)
    yield Sample("id3-in-front.aac", id3() + aac, None, 2, mask=mask_of("FL FR"), at_least=22_051)


def _not_sound() -> Iterator[Sample]:
    yield Sample("empty.wav", b"", refused=r"is empty \(0 bytes\)")
    yield Sample("text.wav", b"This is a shopping list.\n" * 20, refused="cannot be read as audio")
    yield Sample("text.m4a", b"This is a shopping list.\n" * 20, refused="cannot be read as audio")
    yield Sample("zeros.mp3", bytes(100_000), refused="cannot be read as audio")
    yield Sample("ones.mp3", b"\xff" * 100_000, refused="cannot be read as audio")
    yield Sample("playlist.m4a", b"#EXTM3U\nhttp://example.invalid/a.ts\n", refused="cannot be read as audio")
    yield Sample("header.flac", b"fLaC\0\0\0\x22" + bytes(5), refused="is FLAC without sound")
    yield Sample(
        "ftyp.m4a",
        struct.pack(">I", 24) + b"ftypM4A " + bytes(12),
        refused="cannot be read as audio|holds no",
    )
    m4a = ffmpeg_bytes("mp4", "aac", "fltp", 22_051)
    yield Sample("no-moov.m4a", m4a[: len(m4a) // 2], refused="cannot be read as audio|cut short")
    wav = sndfile_bytes("WAV", "PCM_16", 100)
    yield Sample("many-channels.wav", put(wav, 22, struct.pack("<H", 60_000)), refused="must have")
