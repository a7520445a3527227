"""Shipped recipes of mixtures, fitted to folders of a user's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="training needs the extra hushgate[train]")

from hushgate.training.config.mixture_schema import MixConfig, SourceSpec
from hushgate.training.mixtures.usable_sources import fit_to_recordings

RECIPE = MixConfig(
    targets=(SourceSpec("speech", "speech/librispeech"), SourceSpec("speech", "speech/words")),
    noises=(
        SourceSpec("noise", weight=6.0),
        SourceSpec("coloured"),
        SourceSpec("speech", "speech/librispeech", voices=(4, 10)),
        SourceSpec("music"),
    ),
)


def _folder(tmp_path: Path, *names: str) -> str:
    for name in names:
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return str(tmp_path / "mine")


def test_own_folders_stand_in_for_those_of_the_recipe(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "speech/me.wav", "noise/fan.wav")
    fitted = fit_to_recordings(RECIPE, [folder])
    assert fitted.mix.targets == (SourceSpec("speech"),)
    kinds = [(spec.kind, spec.prefix, spec.voices) for spec in fitted.mix.noises]
    assert kinds == [("noise", "", (1, 1)), ("coloured", "", (1, 1)), ("speech", "", (4, 10))]
    assert "no recordings of music: left out" in fitted.changes
    assert "all recordings of speech in place of speech/librispeech" in fitted.changes


def test_rooms_are_synthesized_where_none_were_recorded(tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, room_kind="rir")
    folder = _folder(tmp_path, "speech/me.wav", "noise/fan.wav")
    fitted = fit_to_recordings(recipe, [folder])
    assert fitted.mix.room_kind == ""
    assert "synthesized rooms in place of recordings of rir" in fitted.changes
    fitted = fit_to_recordings(recipe, [_folder(tmp_path, "rir/hall.wav")])
    assert fitted.mix.room_kind == "rir"


def test_folders_of_the_recipe_stay_as_they_are(tmp_path: Path) -> None:
    names = ("speech/librispeech/a.wav", "speech/words/b.wav", "noise/c.wav", "music/d.wav")
    fitted = fit_to_recordings(RECIPE, [_folder(tmp_path, *names)])
    assert fitted.mix == RECIPE
    assert fitted.changes == ()


def test_without_targets_the_error_names_the_folder_to_make(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"recordings of speech \(got noise\).*subfolder speech/"):
        fit_to_recordings(RECIPE, [_folder(tmp_path, "noise/fan.wav")])
