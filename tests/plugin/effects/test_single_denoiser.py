"""Promises of presets as one denoiser."""

from __future__ import annotations

from pathlib import Path

import pytest

from hushgate.effects.single_denoiser import as_denoiser


def test_a_preset_with_one_denoiser_is_that_denoiser() -> None:
    denoiser = as_denoiser("music-hiss")
    assert denoiser is not None
    assert (denoiser.model, denoiser.hum_reduction_db, denoiser.attenuation_limit_db) == ("music", 40.0, 14.0)


@pytest.mark.parametrize("model", ["voice", "guitar"])
def test_a_preset_that_removes_hum_alone_is_a_denoiser_whose_mix_is_0(model: str) -> None:
    denoiser = as_denoiser("de-hum", model=model)
    assert denoiser is not None
    assert (denoiser.model, denoiser.mix, denoiser.hum_reduction_db) == (model, 0.0, 40.0)


def test_a_preset_with_two_denoisers_is_none(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    entry = '[[chain]]\neffect = "Denoiser"\nmodel = "voice"\n'
    path.write_text(f'version = 1\nname = "two"\ndescription = "Two."\n{entry}{entry}', encoding="utf-8")
    assert as_denoiser(path) is None
