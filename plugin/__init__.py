"""hushgate: a neural denoiser and smart noise gate that behaves like an effects plugin.

>>> import hushgate
>>> sorted(hushgate.__all__)[:3]
['AudioFileError', 'BatchResult', 'Chain']

Names load when they are first used, so that importing the package stays fast and a script
that only reads files does not start onnxruntime.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hushgate.engine.lazy_names import load_on_use
from hushgate.version import __version__

if TYPE_CHECKING:
    from hushgate import integrations as integrations
    from hushgate import live as live
    from hushgate import training as training
    from hushgate import tuner as tuner
    from hushgate.batching import BatchResult, FileResult, PlanError, batch
    from hushgate.effects.chain import Chain
    from hushgate.effects.denoiser import Denoiser
    from hushgate.effects.hum_remover import HumRemover
    from hushgate.effects.linked import Linked
    from hushgate.effects.mix import Mix
    from hushgate.effects.preset_file import Preset, available_presets, load_preset
    from hushgate.engine import Model, ModelInfo, available_models, load_model
    from hushgate.errors import (
        AudioFileError,
        ChannelLayoutError,
        DuplicateEffectError,
        EngineError,
        HushgateError,
        ModelError,
        PresetError,
    )
    from hushgate.live import DeviceError
    from hushgate.rendering import CleanSound, denoise, render, stream, stream_file
    from hushgate.tuner import Reading, Tuner

# Silent unless the program sets up logging: the events of every package go to "hushgate.*" loggers.
logging.getLogger(__name__).addHandler(logging.NullHandler())

__all__ = [
    "AudioFileError",
    "BatchResult",
    "Chain",
    "ChannelLayoutError",
    "CleanSound",
    "Denoiser",
    "DeviceError",
    "DuplicateEffectError",
    "EngineError",
    "FileResult",
    "HumRemover",
    "HushgateError",
    "Linked",
    "Mix",
    "Model",
    "ModelError",
    "ModelInfo",
    "PlanError",
    "Preset",
    "PresetError",
    "Reading",
    "Tuner",
    "__version__",
    "available_models",
    "available_presets",
    "batch",
    "denoise",
    "load_model",
    "load_preset",
    "render",
    "stream",
    "stream_file",
]

_HOME = {
    "AudioFileError": "hushgate.errors",
    "BatchResult": "hushgate.batching",
    "Chain": "hushgate.effects.chain",
    "ChannelLayoutError": "hushgate.errors",
    "CleanSound": "hushgate.rendering",
    "Denoiser": "hushgate.effects.denoiser",
    "DeviceError": "hushgate.live.devices.backend",
    "DuplicateEffectError": "hushgate.errors",
    "FileResult": "hushgate.batching",
    "EngineError": "hushgate.errors",
    "HumRemover": "hushgate.effects.hum_remover",
    "HushgateError": "hushgate.errors",
    "Linked": "hushgate.effects.linked",
    "Mix": "hushgate.effects.mix",
    "Model": "hushgate.engine",
    "ModelError": "hushgate.errors",
    "ModelInfo": "hushgate.engine",
    "PlanError": "hushgate.batching",
    "Preset": "hushgate.effects.preset_file",
    "PresetError": "hushgate.errors",
    "Reading": "hushgate.tuner",
    "Tuner": "hushgate.tuner",
    "available_models": "hushgate.engine",
    "available_presets": "hushgate.effects.preset_file",
    "batch": "hushgate.batching",
    "denoise": "hushgate.rendering",
    "load_model": "hushgate.engine",
    "load_preset": "hushgate.effects.preset_file",
    "render": "hushgate.rendering",
    "stream": "hushgate.rendering",
    "stream_file": "hushgate.rendering",
}

# `hushgate.training.adapt` and the like work after `import hushgate` alone.
_MODULES = ("integrations", "live", "training", "tuner")

__getattr__, __dir__ = load_on_use(__name__, _HOME, _MODULES)
