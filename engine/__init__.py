"""The streaming denoiser: numpy and onnxruntime only; no host, no sound files.

>>> from hushgate import engine
>>> sorted(engine.__all__)[:3]
['BlockDenoiser', 'HushgateError', 'Model']

Names load when they are first used, so that the table of parameters can be read without numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushgate.engine.lazy_names import load_on_use

if TYPE_CHECKING:
    from hushgate.engine.block_denoiser import BlockDenoiser
    from hushgate.engine.errors import EngineError, HushgateError, ModelError
    from hushgate.engine.model_files.metadata import ModelInfo
    from hushgate.engine.model_files.model import Model, available_models, load_model, trusting_models
    from hushgate.engine.parameters import PARAMETERS, Parameter
    from hushgate.engine.spectral_stream import SpectralStream

__all__ = [
    "PARAMETERS",
    "BlockDenoiser",
    "EngineError",
    "HushgateError",
    "Model",
    "ModelError",
    "ModelInfo",
    "Parameter",
    "SpectralStream",
    "available_models",
    "load_model",
    "trusting_models",
]

_HOME = {
    "PARAMETERS": "hushgate.engine.parameters",
    "BlockDenoiser": "hushgate.engine.block_denoiser",
    "EngineError": "hushgate.engine.errors",
    "HushgateError": "hushgate.engine.errors",
    "Model": "hushgate.engine.model_files.model",
    "ModelError": "hushgate.engine.errors",
    "ModelInfo": "hushgate.engine.model_files.metadata",
    "Parameter": "hushgate.engine.parameters",
    "SpectralStream": "hushgate.engine.spectral_stream",
    "available_models": "hushgate.engine.model_files.model",
    "load_model": "hushgate.engine.model_files.model",
    "trusting_models": "hushgate.engine.model_files.model",
}

__getattr__, __dir__ = load_on_use(__name__, _HOME)
