"""Files and rating polynomials of DNSMOS, for the measure and the loss."""

from __future__ import annotations

import importlib.util
from pathlib import Path

RATINGS = {
    "dnsmos_sig": (-0.08397278, 1.22083953, 0.0052439),
    "dnsmos_bak": (-0.13166888, 1.60915514, -0.39604546),
    "dnsmos_ovr": (-0.06766283, 1.11546468, 0.04602535),
}
"""Polynomials from the P.835 network's raw outputs, in their order, to ratings; highest power first."""
P835_FILE = "sig_bak_ovr.onnx"
P808_FILE = "model_v8.onnx"


def network_path(file: str) -> Path:
    """Path of a network in the package speechmos.

    Raises:
        ModuleNotFoundError: speechmos is not installed (extra `evaluate` or `bench`).
    """
    spec = importlib.util.find_spec("speechmos")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'speechmos'", name="speechmos")
    # The path alone: importing the package would need librosa, pandas and requests.
    return Path(spec.origin).parent / "dnsmos_models" / file
