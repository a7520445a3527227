"""Every file of the corpus is read whole, or refused with a line that names the cause."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="needs the extra formats")

from hushgate import AudioFileError
from hushgate.audio_files.open_audio import open_input
from tests.helpers.sound_files.corpus import USUAL, Sample, build_corpus, strongest_tones, tone_hz

CORPUS = list(build_corpus())


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(CORPUS) >= 150
    assert len({sample.name for sample in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("sample", [s for s in CORPUS if not s.refused], ids=lambda s: s.name)
def test_a_file_is_read_whole(tmp_path: Path, sample: Sample, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / sample.name
    path.write_bytes(sample.content)
    with open_input(path) as reader:
        sound = np.concatenate(list(reader.blocks(4096)), axis=1)
        assert (reader.format.sample_rate, reader.format.num_channels) == (
            sample.sample_rate,
            sample.num_channels,
        )
        assert reader.format.channel_mask == sample.mask
        assert reader.format.num_samples in (None, sound.shape[1])
    if sample.num_samples is None:
        assert sample.at_least <= sound.shape[1] < sample.at_least + 4 * 2048
    else:
        assert sound.shape[1] == sample.num_samples
    speakers = sample.speakers or USUAL[sample.num_channels]
    assert strongest_tones(sound, sample.sample_rate, speakers) == tone_hz(speakers)
    if sample.warning:
        assert any(sample.warning in warning for warning in reader.warnings)
    else:
        assert reader.warnings == []
    assert capfd.readouterr().err == ""  # libraries in C keep quiet


@pytest.mark.parametrize("sample", [s for s in CORPUS if s.refused], ids=lambda s: s.name)
def test_a_file_that_cannot_be_read_whole_is_refused_by_name(
    tmp_path: Path, sample: Sample, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / sample.name
    path.write_bytes(sample.content)
    with pytest.raises(AudioFileError, match=sample.refused) as caught, open_input(path) as reader:
        list(reader.blocks())
    assert sample.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""
