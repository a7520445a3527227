"""Controls of a running session, by key or by program."""

from __future__ import annotations

import math
from collections.abc import Callable

from hushgate.effects.denoiser import find_denoisers
from hushgate.engine import PARAMETERS
from hushgate.engine.parameters import Output
from hushgate.live.processing.callback import Processor
from hushgate.pedalboard_compat.effect_protocol import Effect

_MIX_STEP = 0.05
_THRESHOLD_STEP_DB = 2.0
# First threshold of a gate that was off.
_FIRST_THRESHOLD_DB = -60.0

KEYS_HELP = "b bypass   r residual   - + mix   < > threshold   q quit"


class Controls:
    """Change bypass, and mix, threshold and output of every denoiser in a running effect.

    Several denoisers in a chain all get the same change; views show the first. Without a denoiser only
    bypass has an effect.

    Args:
        processor: The audio callback.
        effect: The effect that it runs.

    Attributes:
        denoisers: Every `Denoiser` in the effect.
        is_quit: True after `quit`.
    """

    def __init__(self, processor: Processor, effect: Effect) -> None:
        self._processor = processor
        self.denoisers = list(find_denoisers(effect))
        self.is_quit = False
        self._actions: dict[str, Callable[[], None]] = {
            "b": self.toggle_bypass,
            "r": self.toggle_residual,
            "-": lambda: self.move_mix(-_MIX_STEP),
            "+": lambda: self.move_mix(_MIX_STEP),
            "=": lambda: self.move_mix(_MIX_STEP),  # + without shift on an American keyboard
            "<": lambda: self.move_threshold(-_THRESHOLD_STEP_DB),
            ">": lambda: self.move_threshold(_THRESHOLD_STEP_DB),
            ",": lambda: self.move_threshold(-_THRESHOLD_STEP_DB),
            ".": lambda: self.move_threshold(_THRESHOLD_STEP_DB),
            "q": self.quit,
        }

    def press(self, key: str) -> None:
        """Do the action of a key; keys without an action are ignored."""
        action = self._actions.get(key.lower())
        if action is not None:
            action()

    def quit(self) -> None:
        """Request the end of the session."""
        self.is_quit = True

    def toggle_bypass(self) -> None:
        """Play the input with the delay of the effect, or the effect again."""
        self._processor.bypass = not self._processor.bypass

    def toggle_residual(self) -> None:
        """Play the removed sound, or the denoised sound again."""
        if self.denoisers:
            output: Output = "denoised" if self.denoisers[0].output == "residual" else "residual"
            for denoiser in self.denoisers:
                denoiser.output = output

    def move_mix(self, step: float) -> None:
        """Change `mix` by `step`, within its range."""
        if self.denoisers:
            low, high = PARAMETERS["mix"].minimum, PARAMETERS["mix"].maximum
            mix = min(high, max(low, round(self.denoisers[0].mix + step, 4)))
            for denoiser in self.denoisers:
                denoiser.mix = mix

    def move_threshold(self, step_db: float) -> None:
        """Change the gate's threshold by `step_db`; below its range the gate is off."""
        if self.denoisers:
            before = self.denoisers[0].gate_threshold_db
            low, high = PARAMETERS["gate_threshold_db"].minimum, PARAMETERS["gate_threshold_db"].maximum
            after = before + step_db
            if before == -math.inf:
                after = _FIRST_THRESHOLD_DB if step_db > 0.0 else before
            elif after < low:
                after = -math.inf
            for denoiser in self.denoisers:
                denoiser.gate_threshold_db = min(high, after)
