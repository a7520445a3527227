"""Where onnxruntime computes: the processor, or a graphics card with CUDA."""

from __future__ import annotations

from typing import Any, Literal, get_args

from hushgate.engine.errors import EngineError
from hushgate.engine.model_files.runtime import import_onnxruntime

Device = Literal["cpu", "cuda"]
DEVICES: tuple[Device, ...] = get_args(Device)

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# In TF32 products keep ten bits of the mantissa: masks would differ from the processor's in the third digit.
# The default search of convolution algorithms tries all of them for every new number of frames.
_CUDA_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
_REMEDY = (
    "Take device='cpu', or install CUDA's build of onnxruntime: pip uninstall onnxruntime, then "
    "pip install 'onnxruntime-gpu[cuda,cudnn]'. It needs Linux or Windows and NVIDIA's driver."
)


def check_device(device: object) -> Device:
    """The device itself.

    Raises:
        ValueError: There is none of that name.
    """
    for known in DEVICES:
        if device == known:
            return known
    raise ValueError(f"device must be one of 'cpu', 'cuda' (got {device!r}).")


def providers_for(device: Device) -> list[Any]:
    """Providers of onnxruntime for a device, in order of preference.

    Raises:
        EngineError: This onnxruntime was built without CUDA.
    """
    if device == "cpu":
        return [_CPU]
    onnxruntime = import_onnxruntime()
    offered = onnxruntime.get_available_providers()
    if _CUDA not in offered:
        raise EngineError(
            f"device 'cuda' needs an onnxruntime with CUDA (this one, {onnxruntime.__version__}, has "
            f"{', '.join(name.removesuffix('ExecutionProvider') for name in offered)}). {_REMEDY}"
        )
    # CUDA and cuDNN from Python packages are found only after this; one that the system has needs no help.
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is not None:
        preload()
    return [(_CUDA, _CUDA_OPTIONS), _CPU]


def check_running(device: Device, session: Any) -> None:
    """Raise where onnxruntime took the processor instead: without a driver it does so with a log line only.

    Raises:
        EngineError: The session does not run on the device.
    """
    if device == "cuda" and _CUDA not in session.get_providers():
        raise EngineError(
            "device 'cuda' must have a graphics card, its driver, CUDA and cuDNN (onnxruntime could not use "
            f"one of them and took the processor). {_REMEDY}"
        )
