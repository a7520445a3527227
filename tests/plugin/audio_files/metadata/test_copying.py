"""Tags, markers and time references survive from file to file."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import mutagen
import mutagen.flac
import mutagen.id3
import numpy as np
import pytest
import soundfile
from mutagen import id3

from hushgate.audio_files.chunk_edits import append_chunk
from hushgate.audio_files.container_chunks import chunk_body, read_chunks
from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.metadata.copying import copy_metadata, family
from hushgate.audio_files.metadata.fields import read_fields
from hushgate.audio_files.open_audio import open_input, open_output

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def write_sound(
    path: Path, container: str, subtype: str, num_channels: int = 2, **options: Any
) -> AudioFormat:
    """A second of quiet noise."""
    sound = np.random.default_rng(0).standard_normal((48_000, num_channels)).astype(np.float32) * 0.1
    soundfile.write(path, sound, 48_000, format=container, subtype=subtype, **options)
    return AudioFormat(48_000, num_channels, 48_000, container, subtype)


def copied(source: Path, target: Path, form: AudioFormat) -> list[str]:
    """Write other sound to `target`, with the tags of `source`; the warnings."""
    warnings: list[str] = []
    with FileReader(source) as reader:
        sound = next(reader.blocks(48_000)) * np.float32(0.5)
        with FileWriter(
            target,
            form,
            finish=lambda part: warnings.extend(copy_metadata(source, reader.format, part, form)),
        ) as writer:
            writer.write(sound)
    assert soundfile.info(target).frames == 48_000
    written = soundfile.read(target, dtype="float32", always_2d=True)[0].T
    if form.subtype in ("PCM_16", "PCM_24", "FLOAT"):  # the sound is where it was
        assert np.abs(written - sound).max() < 1e-4
    return warnings


def insert_before_data(path: Path, *chunks: tuple[bytes, bytes]) -> None:
    """Put chunks between `fmt ` and `data`, where most programs put them."""
    content = path.read_bytes()
    place = content.index(b"data")
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks
    )
    content = content[:place] + body + content[place:]
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])


def bodies(path: Path) -> list[tuple[bytes, bytes]]:
    """Chunks that are not sound, in their order."""
    with path.open("rb") as file:
        layout = read_chunks(file)
        assert layout is not None
        before, after = layout.extras
        return [(chunk.kind, chunk_body(file, chunk)) for chunk in (*before, *after)]


def bext(version: int) -> bytes:
    fields = struct.pack(
        "<256s32s32s10s8sQH64s5H180s",
        "Atmo, Küche".encode(),
        b"recorder",
        b"REF001",
        b"2026-11-20",
        b"10:00:00",
        123_456_789_012,
        version,
        b"",
        *([1, 2, 3, 4, 5] if version >= 2 else [0] * 5),
        b"",
    )
    return fields + b"A=PCM,F=48000,W=24,M=stereo\r\n"


CUE = struct.pack("<I", 1) + struct.pack("<II4sIII", 1, 24_000, b"data", 0, 0, 24_000)
INFO = b"INFO" + b"INAM" + struct.pack("<I", 6) + b"Title\0" + b"IART" + struct.pack("<I", 3) + b"Me\0\0"
LABEL = b"adtl" + b"labl" + struct.pack("<I", 8) + struct.pack("<I", 1) + b"Bar\0"


@pytest.mark.parametrize(("container", "subtype"), [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAVEX", "PCM_24")])
def test_wav_chunks_survive_byte_for_byte_and_in_place(tmp_path: Path, container: str, subtype: str) -> None:
    form = write_sound(tmp_path / "a.wav", container, subtype)
    leading = [(b"bext", bext(1)), (b"iXML", b"<BWFXML/>!"), (b"xyz ", b"odd")]
    insert_before_data(tmp_path / "a.wav", *leading)
    trailing = [(b"cue ", CUE), (b"LIST", LABEL), (b"LIST", INFO), (b"id3 ", b"ID3\x04" + bytes(16))]
    for kind, body in trailing:
        append_chunk(tmp_path / "a.wav", kind, body)
    assert copied(tmp_path / "a.wav", tmp_path / "b.wav", form) == []
    assert bodies(tmp_path / "b.wav") == leading + trailing
    data = (tmp_path / "b.wav").read_bytes()
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8


def test_rf64_keeps_its_chunks(tmp_path: Path) -> None:
    form = write_sound(tmp_path / "a.rf64", "RF64", "PCM_24")
    append_chunk(tmp_path / "a.rf64", b"bext", bext(1))
    assert copied(tmp_path / "a.rf64", tmp_path / "b.rf64", form) == []
    assert bodies(tmp_path / "b.rf64") == [(b"bext", bext(1))]
    content = (tmp_path / "b.rf64").read_bytes()
    assert content[:4] == b"RF64"
    assert struct.unpack_from("<Q", content, 20)[0] == len(content) - 8


W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")


@pytest.mark.parametrize(
    ("name", "container", "subtype", "tail"),
    [("a.w64", "W64", "PCM_24", W64_TAIL), ("a.caf", "CAF", "PCM_24", b""), ("a.caf", "CAF", "ALAC_24", b"")],
)
def test_wave64_and_caf_keep_their_chunks(
    tmp_path: Path, name: str, container: str, subtype: str, tail: bytes
) -> None:
    form = write_sound(tmp_path / name, container, subtype)
    for kind, body in ((b"bext", bext(1)), (b"odd ", b"odd"), (b"info", b"\0\0\0\1title\0x\0")):
        append_chunk(tmp_path / name, kind + tail, body)
    target = tmp_path / f"b.{name}"
    assert copied(tmp_path / name, target, form) == []
    assert [kind for kind, _ in bodies(target)] == [kind for kind, _ in bodies(tmp_path / name)]
    assert bodies(target)[-3:] == bodies(tmp_path / name)[-3:]
    assert bodies(target)[-3:][0] == (b"bext", bext(1))
    if container == "W64":
        assert struct.unpack_from("<Q", target.read_bytes(), 16)[0] == target.stat().st_size
    lost = copied(tmp_path / name, tmp_path / "c.flac", AudioFormat(48_000, 2, 48_000, "FLAC", "PCM_24"))
    assert lost == ["FLAC cannot hold some tags: bext, info, odd."]


def test_loudness_figures_of_the_old_sound_do_not_survive(tmp_path: Path) -> None:
    form = write_sound(tmp_path / "a.wav", "WAV", "PCM_16")
    insert_before_data(tmp_path / "a.wav", (b"bext", bext(2)))
    copied(tmp_path / "a.wav", tmp_path / "b.wav", form)
    (_, body), old = bodies(tmp_path / "b.wav")[0], bext(2)
    assert body[:412] == old[:412]
    assert struct.unpack_from("<Q", body, 338)[0] == 123_456_789_012  # the time reference
    assert struct.unpack_from("<5H", body, 412) == (0x7FFF,) * 5
    assert body[422:] == old[422:]


def test_loudspeaker_positions_survive(tmp_path: Path) -> None:
    form = write_sound(tmp_path / "a.wav", "WAVEX", "PCM_24", num_channels=6)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    mask_at = content.index(b"fmt ") + 8 + 20
    content[mask_at : mask_at + 4] = struct.pack("<I", 0x60F)
    (tmp_path / "a.wav").write_bytes(content)
    copied(tmp_path / "a.wav", tmp_path / "b.wav", form)
    written = (tmp_path / "b.wav").read_bytes()
    assert struct.unpack_from("<I", written, written.index(b"fmt ") + 8 + 20)[0] == 0x60F


def test_sound_statistics_of_the_old_file_are_left_behind(tmp_path: Path) -> None:
    form = write_sound(tmp_path / "a.wav", "WAV", "PCM_16")
    for kind in (b"levl", b"MD5 ", b"JUNK"):
        append_chunk(tmp_path / "a.wav", kind, bytes(16))
    copied(tmp_path / "a.wav", tmp_path / "b.wav", form)
    assert bodies(tmp_path / "b.wav") == []


def test_aiff_chunks_survive(tmp_path: Path) -> None:
    form = write_sound(tmp_path / "a.aiff", "AIFF", "PCM_24")
    extras = [(b"NAME", b"Title"), (b"MARK", struct.pack(">HhI", 1, 1, 24_000) + b"\x03Bar\0")]
    for kind, body in extras:
        append_chunk(tmp_path / "a.aiff", kind, body)
    tags = mutagen.File(tmp_path / "a.aiff")
    tags.add_tags()
    tags.tags.add(mutagen.id3.TIT2(encoding=3, text="Überschrift"))
    tags.save()
    assert copied(tmp_path / "a.aiff", tmp_path / "b.aiff", form) == []
    assert bodies(tmp_path / "b.aiff")[:2] == extras
    assert str(mutagen.File(tmp_path / "b.aiff").tags["TIT2"]) == "Überschrift"


@pytest.mark.parametrize("version", [3, 4])
def test_id3_tags_survive_in_their_version(tmp_path: Path, version: int) -> None:
    form = write_sound(tmp_path / "a.mp3", "MP3", "MPEG_LAYER_III")
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TIT2(encoding=1, text="Ein Lied"))
    tags.add(mutagen.id3.TXXX(encoding=1, desc="mood", text="blue"))
    tags.add(mutagen.id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=PNG))
    tags.add(mutagen.id3.PRIV(owner="someone", data=b"\0\1\2"))
    tags.add(mutagen.id3.TYER(text="2025") if version == 3 else mutagen.id3.TDRC(text="2025-11"))
    tags.save(tmp_path / "a.mp3", v1=2, v2_version=version)
    assert copied(tmp_path / "a.mp3", tmp_path / "b.mp3", form) == []
    old = mutagen.id3.ID3(tmp_path / "a.mp3", translate=False)
    new = mutagen.id3.ID3(tmp_path / "b.mp3", translate=False)
    assert new.version == (2, version, 0)
    assert {key: repr(frame) for key, frame in new.items()} == {key: repr(f) for key, f in old.items()}
    assert (tmp_path / "b.mp3").read_bytes()[-128:-125] == b"TAG"


def test_flac_comments_pictures_and_cue_sheet_survive(tmp_path: Path) -> None:
    form = write_sound(tmp_path / "a.flac", "FLAC", "PCM_24")
    old = mutagen.flac.FLAC(tmp_path / "a.flac")
    old["title"], old["artist"], old["odd key"] = "Grün", ["one", "two"], "1"
    picture = mutagen.flac.Picture()
    picture.data, picture.mime, picture.type = PNG, "image/png", 3
    old.add_picture(picture)
    old.cuesheet = mutagen.flac.CueSheet(None)
    old.cuesheet.tracks.append(mutagen.flac.CueSheetTrack(170, 48_000))
    old.metadata_blocks.append(old.cuesheet)
    old.save()
    assert copied(tmp_path / "a.flac", tmp_path / "b.flac", form) == []
    new = mutagen.flac.FLAC(tmp_path / "b.flac")
    assert list(new.tags) == list(old.tags)  # type: ignore[arg-type]
    assert [p.data for p in new.pictures] == [PNG]
    assert new.cuesheet is not None


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_comments_survive(tmp_path: Path, subtype: str) -> None:
    form = write_sound(tmp_path / "a.ogg", "OGG", subtype)
    old = mutagen.File(tmp_path / "a.ogg")
    old["title"], old["artist"] = "Grün", ["one", "two"]
    old.save()
    assert copied(tmp_path / "a.ogg", tmp_path / "b.ogg", form) == []
    assert list(mutagen.File(tmp_path / "b.ogg").tags) == list(old.tags)


TARGETS = [
    ("a.wav", "WAV", "PCM_16"),
    ("a.aiff", "AIFF", "PCM_16"),
    ("a.flac", "FLAC", "PCM_16"),
    ("a.ogg", "OGG", "VORBIS"),
    ("a.mp3", "MP3", "MPEG_LAYER_III"),
]


def tags_of(path: Path) -> dict[str, str]:
    """Title and artist, however they are stored."""
    if path.suffix == ".wav":
        info = next(body for kind, body in bodies(path) if kind == b"LIST")
        return {"title": "Lied" if b"Lied\0" in info else "", "artist": "Me" if b"Me\0" in info else ""}
    easy = mutagen.File(path, easy=True)
    if path.suffix == ".aiff":
        return {"title": str(easy.tags["TIT2"]), "artist": str(easy.tags["TPE1"])}
    return {"title": easy["title"][0], "artist": easy["artist"][0]}


@pytest.mark.parametrize("source_form", TARGETS, ids=[row[1] for row in TARGETS])
def test_common_fields_survive_a_change_of_container(
    tmp_path: Path, source_form: tuple[str, str, str]
) -> None:
    base = tmp_path / "base.flac"
    write_sound(base, "FLAC", "PCM_16")
    flac = mutagen.flac.FLAC(base)
    flac["title"], flac["artist"] = "Lied", "Me"
    flac.save()
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    name, container, subtype = source_form
    source = tmp_path / "from" / name
    copied(base, source, AudioFormat(48_000, 2, 48_000, container, subtype))
    assert tags_of(source) == {"title": "Lied", "artist": "Me"}
    for name, container, subtype in TARGETS:
        target = tmp_path / "to" / name
        warnings = copied(source, target, AudioFormat(48_000, 2, 48_000, container, subtype))
        assert tags_of(target) == {"title": "Lied", "artist": "Me"}
        assert warnings == []


@pytest.mark.parametrize("suffix", ["m4a", "mka", "flac", "ogg", "mp3", "wav", "aiff"])
def test_an_empty_tag_costs_no_other_tag(tmp_path: Path, suffix: str) -> None:
    if suffix in ("m4a", "mka"):
        pytest.importorskip("av", reason="needs the extra formats")
    source, target = tmp_path / "a.ogg", tmp_path / f"b.{suffix}"
    write_sound(source, "OGG", "VORBIS")
    old = mutagen.File(source)
    old["title"], old["tracknumber"], old["mood"] = "Lied", "", ""
    old.save()
    with open_input(source) as reader, open_output(target, reader.format, source) as writer:
        for block in reader.blocks():
            writer.write(block)
    assert not [warning for warning in writer.warnings if "tag" in warning]
    with FileReader(target) as reader:
        fields = read_fields(target, family(reader.format))
    assert {"TITLE": ["Lied"]}.items() <= fields.texts.items()
    assert not {"TRACKNUMBER", "MOOD"} & fields.texts.keys() or suffix == "ogg"


def test_what_another_container_cannot_hold_is_named(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", "WAV", "PCM_16")
    insert_before_data(tmp_path / "a.wav", (b"bext", bext(1)), (b"cue ", CUE))
    warnings = copied(
        tmp_path / "a.wav", tmp_path / "b.flac", AudioFormat(48_000, 2, 48_000, "FLAC", "PCM_16")
    )
    assert warnings == ["FLAC cannot hold some tags: bext, cue."]


def test_damaged_tags_do_not_cost_the_sound(tmp_path: Path) -> None:
    form = write_sound(tmp_path / "a.wav", "WAV", "PCM_16")
    with (tmp_path / "a.wav").open("ab") as file:
        file.write(b"LIST" + struct.pack("<I", 10_000) + b"INFO")  # claims more than there is
    copied(tmp_path / "a.wav", tmp_path / "b.wav", form)
    form = write_sound(tmp_path / "a.mp3", "MP3", "MPEG_LAYER_III")
    with (tmp_path / "a.mp3").open("ab") as file:  # an APE tag of two items whose first has no end
        file.write(b"\xff\xff\xff\x7f" + bytes(28) + b"APETAGEX" + struct.pack("<4I8x", 2000, 64, 2, 0))
    warnings = copied(tmp_path / "a.mp3", tmp_path / "b.mp3", form)
    assert len(warnings) == 1
    assert warnings[0].startswith("tags were not kept, because they are damaged")


STALE = {"REPLAYGAIN_TRACK_GAIN": "-7.5 dB", "R128_TRACK_GAIN": "-1900", "replaygain_album_peak": "0.98"}


def text_of_all_tags(path: Path) -> str:
    """Everything that mutagen finds, and all chunks, as one text."""
    tags = mutagen.File(path)
    found = repr(dict(tags.tags or {})) if tags is not None else ""
    chunks = b"".join(body for _, body in bodies(path)) if path.suffix in (".wav", ".aiff") else b""
    return (found + chunks.decode("latin-1")).upper()


@pytest.mark.parametrize("target_form", TARGETS, ids=[row[1] for row in TARGETS])
@pytest.mark.parametrize("source_form", TARGETS, ids=[row[1] for row in TARGETS])
def test_gains_that_were_measured_on_the_old_sound_are_dropped(
    tmp_path: Path, source_form: tuple[str, str, str], target_form: tuple[str, str, str]
) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    source, target = tmp_path / "from" / source_form[0], tmp_path / "to" / target_form[0]
    write_sound(source, *source_form[1:])
    if source.suffix in (".flac", ".ogg"):
        comments = mutagen.File(source)
        comments.update({"title": "Lied", **STALE})
        comments.save()
    else:
        id3 = mutagen.id3.ID3()
        id3.add(mutagen.id3.TIT2(encoding=3, text="Lied"))
        id3.add(mutagen.id3.RVA2(desc="track", channel=1, gain=-7.5, peak=0.9))
        for name, text in STALE.items():
            id3.add(mutagen.id3.TXXX(encoding=3, desc=name, text=text))
        if source.suffix == ".mp3":
            id3.save(source)
        else:
            file = mutagen.File(source)
            file.add_tags()
            for frame in id3.values():
                file.tags.add(frame)
            file.save()
    assert "GAIN" in text_of_all_tags(source)
    form = AudioFormat(48_000, 2, 48_000, *target_form[1:])
    warnings = copied(source, target, form)
    found = text_of_all_tags(target)
    assert "LIED" in found
    assert not any(word in found for word in ("REPLAYGAIN", "R128", "RVA2"))
    assert not any("GAIN" in warning or "RVA2" in warning for warning in warnings)


def test_id3_tags_in_front_of_flac_become_comments(tmp_path: Path) -> None:
    form = write_sound(tmp_path / "a.flac", "FLAC", "PCM_16")
    id3 = mutagen.id3.ID3()
    id3.add(mutagen.id3.TIT2(encoding=3, text="Lied"))
    id3.add(mutagen.id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=PNG))
    front = io.BytesIO()
    id3.save(front)
    (tmp_path / "a.flac").write_bytes(front.getvalue() + (tmp_path / "a.flac").read_bytes())
    assert copied(tmp_path / "a.flac", tmp_path / "b.flac", form) == []
    new = mutagen.flac.FLAC(tmp_path / "b.flac")
    assert new["title"] == ["Lied"]
    assert [picture.data for picture in new.pictures] == [PNG]


@pytest.mark.parametrize("extension", ["flac", "opus", "aiff", "m4a", "mka"])
def test_lyrics_and_compilations_survive_a_change_of_kind(tmp_path: Path, extension: str) -> None:
    if extension in ("m4a", "mka"):
        pytest.importorskip("av", reason="needs the extra formats")
    source, there, back = tmp_path / "a.mp3", tmp_path / f"b.{extension}", tmp_path / "c.mp3"
    write_sound(source, "MP3", "MPEG_LAYER_III")
    tags = id3.ID3()
    tags.add(id3.USLT(encoding=3, lang="eng", desc="", text="One line\nand another"))
    tags.add(id3.TCMP(encoding=3, text="1"))
    tags.save(source)
    for old, new in ((source, there), (there, back)):
        with open_input(old) as reader, open_output(new, reader.format, old) as writer:
            for block in reader.blocks():
                writer.write(block)
        assert not [warning for warning in writer.warnings if "tags" in warning]
    if extension in ("flac", "opus"):
        assert mutagen.File(there)["lyrics"] == ["One line\nand another"]
    if extension == "m4a":
        assert mutagen.File(there)["\xa9lyr"] == ["One line\nand another"]
        assert mutagen.File(there)["cpil"] is True
    found = id3.ID3(back)
    assert [frame.text for frame in found.getall("USLT")] == ["One line\nand another"]
    assert [str(frame) for frame in found.getall("TCMP")] == ["1"]
    assert not found.getall("TXXX")


def test_two_id3_tags_become_one(tmp_path: Path) -> None:
    form = write_sound(tmp_path / "a.mp3", "MP3", "MPEG_LAYER_III")
    fronts = []
    for frame in (
        mutagen.id3.TIT2(encoding=3, text="First"),
        mutagen.id3.TPE1(encoding=3, text="Artist of the second"),
    ):
        id3, front = mutagen.id3.ID3(), io.BytesIO()
        id3.add(frame)
        id3.save(front)
        fronts.append(front.getvalue())
    (tmp_path / "a.mp3").write_bytes(b"".join(fronts) + (tmp_path / "a.mp3").read_bytes())
    assert copied(tmp_path / "a.mp3", tmp_path / "b.mp3", form) == []
    new = mutagen.id3.ID3(tmp_path / "b.mp3")
    assert (str(new["TIT2"]), str(new["TPE1"])) == ("First", "Artist of the second")


def test_chunks_behind_an_odd_data_chunk_without_a_pad_byte_are_kept(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(9_001), 48_000, subtype="PCM_U8")
    content = (tmp_path / "a.wav").read_bytes()[: 44 + 9_001]
    body = struct.pack("<4sI", b"LIST", len(INFO)) + INFO
    (tmp_path / "a.wav").write_bytes(content + body)
    form = AudioFormat(48_000, 1, 9_001, "WAV", "PCM_U8")
    with FileReader(tmp_path / "a.wav") as reader:
        source = reader.format

    def finish(part: Path) -> None:
        assert copy_metadata(tmp_path / "a.wav", source, part, form) == []

    with FileWriter(tmp_path / "b.wav", form, finish=finish) as writer:
        writer.write(np.zeros((1, 9_001), np.float32))
    assert (b"LIST", INFO) in bodies(tmp_path / "b.wav")


@pytest.mark.parametrize("extension", ["flac", "ogg", "m4a"])
def test_tags_that_the_output_cannot_hold_do_not_cost_the_output(
    tmp_path: Path, extension: str, rng: np.random.Generator
) -> None:
    if extension == "m4a":
        pytest.importorskip("av", reason="needs the extra formats")
    source, target = tmp_path / "song.mp3", tmp_path / f"out.{extension}"
    soundfile.write(source, 0.1 * rng.standard_normal(8_000), 8_000)
    tags = id3.ID3()
    tags.add(id3.TIT2(encoding=3, text=["Song"]))
    for name, text in (("", "no name"), ("Größe", "17"), ("日本", "text"), ("a=b\n", "odd")):
        tags.add(id3.TXXX(encoding=3, desc=name, text=[text]))
    if extension == "flac":  # whose blocks end at 16 MiB
        tags.add(id3.APIC(encoding=3, mime="image/png", type=3, desc="", data=bytes(17_000_000)))
    tags.save(source)
    with open_input(source) as reader, open_output(target, reader.format, source) as writer:
        for block in reader.blocks():
            writer.write(block)
    with FileReader(target) as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 8_000
    text = str(dict(mutagen.File(target).tags))
    assert all(part in text for part in ("Song", "no name", "17", "odd"))
    lost = {"flac": "a picture of 17.0 MB, 日本", "ogg": "日本"}.get(extension)
    assert [warning.rpartition(": ")[2] for warning in writer.warnings] == ([f"{lost}."] if lost else [])
