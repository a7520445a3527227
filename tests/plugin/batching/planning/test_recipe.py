"""Recipe and settings: hash, packed models, checks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.audio_files.formats.containers import FFMPEG_SUBTYPES, available_subtypes
from hushgate.batching.planning.recipe import BatchSettings, make_recipe
from tests.helpers.seeded_noise import noise


def test_the_settings_hash_follows_what_decides_the_sound(models: Path, tmp_path: Path) -> None:
    def hash_of(model: Path, **parameters: float) -> str:
        return BatchSettings(make_recipe(None, model, parameters)).hash

    identity, half = models / "identity.onnx", models / "half.onnx"
    (tmp_path / "copy.onnx").write_bytes(identity.read_bytes())
    assert hash_of(identity) == hash_of(tmp_path / "copy.onnx")  # the same model elsewhere
    assert len({hash_of(identity), hash_of(half), hash_of(identity, mix=0.5)}) == 3
    json.dumps(BatchSettings(make_recipe(None, identity, {})).identity())


def test_a_recipe_with_its_model_inside_works_where_the_file_is_not(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "travelling.onnx"
    path.write_bytes((models / "half.onnx").read_bytes())
    recipe = make_recipe(None, path, {}).packed()
    path.unlink()
    sound = noise(1, 4800)
    out = recipe.make().process(sound, 48_000)
    assert np.allclose(out, 0.5 * sound, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"extension": "xyz"}, "format must be an extension"),
        ({"subtype": "PCM_17"}, "subtype must be a sample format"),
        ({"extension": "flac", "subtype": "FLOAT"}, "subtype must be a sample format of FLAC"),
        ({"extension": "m4a", "subtype": "VORBIS"}, "subtype must be a sample format of MP4: AAC, AC3"),
        ({"extension": "mp3", "subtype": "MPEG_LAYER_II"}, "of MP3: MPEG_LAYER_III "),
        ({"clip_mode": "squash"}, "clip_mode must be one of report, limit, rescale"),
    ],
)
def test_settings_are_checked_when_made(
    settings: BatchSettings, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        BatchSettings(settings.recipe, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("container", sorted({*soundfile.available_formats(), *FFMPEG_SUBTYPES}))
def test_all_sample_formats_that_can_be_written_are_accepted(settings: BatchSettings, container: str) -> None:
    extension = {"MATROSKA": "mka"}.get(container, container.lower())
    for subtype in available_subtypes(container):
        BatchSettings(settings.recipe, subtype=subtype)
        if container not in ("RAW", "SD2"):
            BatchSettings(settings.recipe, extension=extension, subtype=subtype)


def test_names_of_one_sample_format_give_one_hash(settings: BatchSettings) -> None:
    made = [BatchSettings(settings.recipe, "m4a", subtype) for subtype in ("ALAC", "alac_24", "ALAC_24")]
    assert {(each.subtype, each.hash) for each in made} == {("ALAC_24", made[0].hash)}
