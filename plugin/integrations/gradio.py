"""A page of Gradio: a recording goes in, and comes back cleaned."""

from __future__ import annotations

from pathlib import Path

import gradio
import numpy as np
from numpy.typing import NDArray

from hushgate.effects.preset_file import available_presets
from hushgate.errors import HushgateError, describe_error
from hushgate.rendering.denoise_once import denoise


def make_demo(preset: str = "voice") -> gradio.Interface:
    """An interface for one recording and a preset: `make_demo().launch()`.

    Args:
        preset: The shipped preset that is chosen first.

    `gradio_client` calls it as `/denoise`, with the file and the preset's name.
    """
    return gradio.Interface(
        denoise_file,
        [
            gradio.Audio(type="filepath", label="Recording"),
            gradio.Dropdown(list(available_presets()), value=preset, label="Preset"),
        ],
        gradio.Audio(label="Cleaned"),
        title="hushgate",
        flagging_mode="never",
        api_name="denoise",
    )


def denoise_file(path: str | None, preset: str) -> tuple[int, NDArray[np.int16]]:
    """Clean a recording that fits into memory.

    Args:
        path: The file; None where nothing was chosen.
        preset: A shipped name.

    Returns:
        Sample rate in Hz and int16 (samples,) or (samples, channels): floats would be brought to full scale.

    Raises:
        gradio.Error: There is no file, or it cannot be cleaned; the reason is shown.
    """
    if path is None:
        raise gradio.Error("Choose a recording first.")
    try:
        clean = denoise(path, preset=preset)
    except (HushgateError, OSError, ValueError) as error:
        # Visitors learn nothing of the server's folders.
        raise gradio.Error(describe_error(error).replace(path, Path(path).name)) from error
    scaled = np.clip(np.rint(np.asarray(clean) * 32_768.0), -32_768.0, 32_767.0)
    return round(clean.sample_rate), scaled.astype(np.int16).T
