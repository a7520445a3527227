"""What notebooks show of effects."""

from __future__ import annotations

from typing import Any

import numpy as np
from pedalboard import Gain, HighpassFilter

from hushgate import Chain, Denoiser, Mix


class Own:
    """An effect that cannot be described."""

    latency_samples = 0

    def process(self, input_array: Any, sample_rate: float, buffer_size: int = 1, reset: bool = True) -> Any:
        return np.asarray(input_array)

    __call__ = process

    def reset(self) -> None:
        pass

    def __repr__(self) -> str:
        return "<Own & only>"


def test_a_denoiser_shows_its_model_and_what_is_not_as_by_default(voice: str) -> None:
    shown = Denoiser(voice, mix=0.5)._repr_html_()
    assert "<b>Denoiser</b>" in shown
    assert "model voice" in shown
    assert "mix 0.5" in shown
    assert "gate_threshold_db" not in shown


def test_a_chain_shows_its_effects_in_order(voice: str) -> None:
    chain = Chain([HighpassFilter(80.0), Denoiser(voice), Mix([Chain([]), Gain(-6.0)])])
    shown = chain._repr_html_()
    places = [shown.index(name) for name in ("HighpassFilter", "Denoiser", "Mix", "Gain")]
    assert places == sorted(places)
    assert "cutoff_frequency_hz 80" in shown
    assert shown.count("<ol>") == shown.count("</ol>") == 2


def test_an_effect_that_cannot_be_described_is_shown_as_text() -> None:
    shown = Chain([Own()])._repr_html_()
    assert shown.startswith("<pre>")
    assert "Own &amp; only" in shown
