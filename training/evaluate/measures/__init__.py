"""Measures by name, loaded on use."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence

from hushgate.training.evaluate.measures.base import Measure

# Name: (module here, class, package it needs).
_PLACES = {
    "si_sdr": ("snr", "SiSdr", ""),
    "snr": ("snr", "Snr", ""),
    "mse": ("snr", "MeanSquaredError", ""),
    "lsd": ("lsd", "LogSpectralDistance", ""),
    "target_lsd": ("lsd", "TargetLogSpectralDistance", ""),
    "level_mse": ("level_mse", "LevelMse", ""),
    "level": ("level", "LevelChange", ""),
    "upper_level": ("level", "UpperLevelChange", ""),
    "pesq": ("pesq", "Pesq", "pesq"),
    "stoi": ("stoi", "Stoi", "pystoi"),
    "dnsmos": ("dnsmos", "Dnsmos", "speechmos"),
    "visqol": ("visqol", "Visqol", "visqol"),
    "wer": ("wer", "WordErrorRate", "pocketsphinx"),
}
MEASURES = tuple(_PLACES)


def make_measures(names: Sequence[str]) -> list[Measure]:
    """The measures of those names, ready to be called.

    Raises:
        ValueError: No such measure.
        RuntimeError: What it needs is not installed (extra `evaluate`).
    """
    measures = []
    for name in names:
        if name not in _PLACES:
            raise ValueError(f"measure must be one of {', '.join(MEASURES)} (got {name!r}).")
        module, class_name, package = _PLACES[name]
        if package and importlib.util.find_spec(package) is None:
            raise RuntimeError(
                f"measure {name} needs the module {package}. Install: pip install 'hushgate[evaluate]'."
            )
        place = importlib.import_module(f"{__name__}.{module}")
        measure: Measure = getattr(place, class_name)()
        measures.append(measure)
    return measures
