"""hushgate: a neural denoiser and smart noise gate that behaves like an effects plugin.

>>> import hushgate
>>> sorted(hushgate.__all__)[:3]
['ChannelLayoutError', 'Denoiser', 'ModelError']

Names load when they are first used, so that importing the package stays fast and a script
that only reads files does not start onnxruntime.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hushgate.denoiser import Denoiser
    from hushgate.engine import Model, ModelError, ModelInfo, available_models, load_model
    from hushgate.errors import AudioFileError, ChannelLayoutError
    from hushgate.streaming import stream

__version__ = "0.1.0"

__all__ = [
    "AudioFileError",
    "ChannelLayoutError",
    "Denoiser",
    "Model",
    "ModelError",
    "ModelInfo",
    "__version__",
    "available_models",
    "load_model",
    "stream",
]

_HOME = {
    "AudioFileError": "hushgate.errors",
    "ChannelLayoutError": "hushgate.errors",
    "Denoiser": "hushgate.denoiser",
    "Model": "hushgate.engine",
    "ModelError": "hushgate.engine",
    "ModelInfo": "hushgate.engine",
    "available_models": "hushgate.engine",
    "load_model": "hushgate.engine",
    "stream": "hushgate.streaming",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
