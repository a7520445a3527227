"""What can be changed by hand while sound runs."""

from __future__ import annotations

import math
from collections.abc import Callable

from hushgate.effects.serialization import find_denoisers
from hushgate.engine import PARAMETERS
from hushgate.live.processing.callback import Processor
from hushgate.pedalboard_compat.effect_protocol import Effect

_MIX_STEP = 0.05
_THRESHOLD_STEP_DB = 2.0
# Where a gate that was off begins when it is switched on by hand.
_FIRST_THRESHOLD_DB = -60.0

KEYS_HELP = "b bypass   r residual   - + mix   < > threshold   q quit"


class Controls:
    """Change bypass, mix, threshold and output of everything that denoises in a running effect.

    With several denoisers in a chain they all move; what is shown is the first. Without any, only
    bypass does something.

    Args:
        processor: Where the effect runs.
        effect: The effect.
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
        """Do what a key stands for; keys that stand for nothing do nothing."""
        action = self._actions.get(key.lower())
        if action is not None:
            action()

    def quit(self) -> None:
        """Ask for the end."""
        self.is_quit = True

    def toggle_bypass(self) -> None:
        """Hear the input, as late as the effect, or the effect again."""
        self._processor.bypass = not self._processor.bypass

    def toggle_residual(self) -> None:
        """Hear what is taken away, or the denoised sound again."""
        if self.denoisers:
            output = "denoised" if self.denoisers[0].output == "residual" else "residual"
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
        """Change the gate's threshold by `step_db`; below its range it is off."""
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
