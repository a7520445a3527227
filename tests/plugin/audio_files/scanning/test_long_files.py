"""Files that outgrew the 32-bit sizes of their format are read to their end."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import AudioFileError
from hushgate.audio_files.container_chunks import read_chunks
from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.formats.output_format import output_format
from hushgate.audio_files.scanning.file_region import FileRegion
from hushgate.audio_files.scanning.sound_parts import plan_reading

NUM_SAMPLES = 5 * 2**30 // 4
LAST = np.arange(1, 1001)


def write_sparse(path: Path, container: str, endian: str | None) -> None:
    """5 GiB of 16-bit stereo, zeros but for its end, with sizes modulo 2**32."""
    soundfile.write(path, np.zeros((10, 2)), 48_000, subtype="PCM_16", format=container, endian=endian)
    with path.open("r+b") as file:
        layout = read_chunks(file)
        assert layout is not None
        assert layout.data is not None
        start, is_aiff = layout.data.start, container == "AIFF"
        size = 4 * NUM_SAMPLES + (8 if is_aiff else 0)
        sound = np.stack([LAST, -LAST], axis=1).astype(">i2").tobytes()
        file.seek(start + size - len(sound))
        file.write(sound)
        places = {4: start + size - 8, start - 4: size}
        if is_aiff:
            common = layout.find(b"COMM")
            assert common is not None
            places[common.start + 2] = NUM_SAMPLES
        for place, value in places.items():
            file.seek(place)
            file.write(struct.pack(">I", value % 2**32))


@pytest.mark.parametrize(
    ("extension", "container", "endian"), [("aiff", "AIFF", None), ("wav", "WAV", "BIG")]
)
def test_big_endian_files_over_4_gib_have_their_true_length(
    tmp_path: Path, extension: str, container: str, endian: str | None
) -> None:
    path = tmp_path / f"long.{extension}"
    write_sparse(path, container, endian)
    with FileReader(path) as reader:
        assert reader.format.num_samples == NUM_SAMPLES
        assert reader.format.container == container
        assert "all were read" in reader.warnings[0]
        if container == "AIFF":  # which cannot be written so long
            with pytest.raises(AudioFileError, match=r"would outgrow an AIFF file \(4 GiB\)"):
                output_format(reader.format, path, tmp_path / "out.aiff", None)
        else:
            assert output_format(reader.format, path, tmp_path / "out.wav", None).container == "RF64"
    with path.open("rb") as file:
        (part,) = plan_reading(file, f".{extension}").parts
        region = FileRegion(file, part.start, part.size, part.prefix)
        with soundfile.SoundFile(region) as sound:
            sound.seek(NUM_SAMPLES - len(LAST))
            found = sound.read(dtype="int16", always_2d=True)
    np.testing.assert_array_equal(found, np.stack([LAST, -LAST], axis=1))
    path.unlink()
