"""The streaming denoiser: numpy and onnxruntime only, no host, no files of sound."""

from __future__ import annotations

from hushgate.engine.denoiser import Denoiser
from hushgate.engine.gate import NoiseGate
from hushgate.engine.model_files.metadata import ModelError, ModelInfo
from hushgate.engine.model_files.model import Model, available_models, load_model
from hushgate.engine.parameters import PARAMETERS, Parameter
from hushgate.engine.spectral_stream import SpectralStream

__all__ = [
    "PARAMETERS",
    "Denoiser",
    "Model",
    "ModelError",
    "ModelInfo",
    "NoiseGate",
    "Parameter",
    "SpectralStream",
    "available_models",
    "load_model",
]
