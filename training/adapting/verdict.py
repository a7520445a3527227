"""What an adaptation gained, whether it may be written, and its figures in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hushgate.training.adapting.check import Scores
from hushgate.training.adapting.errors import AdaptationRefused
from hushgate.training.evaluate.confidence import Estimate, estimate_mean

# Least gain on the held-back recordings, and forgetting of the general task that is more than a little, dB.
LEAST_GAIN_DB, MOST_FORGETTING_DB = 0.02, 0.3


@dataclass(frozen=True)
class Adapted:
    """A finished adaptation.

    Attributes:
        model: The file that was written.
        before_db, after_db: SI-SDR on mixtures of the held-back recordings, dB.
        own: Its change, paired, with a confidence interval, dB.
        general: Change on general mixtures, dB.
        steps: Training steps of the weights that were taken.
        seconds: Time for training, s.
    """

    model: Path
    before_db: float
    after_db: float
    own: Estimate
    general: Estimate
    steps: int
    seconds: float

    @property
    def summary(self) -> str:
        """The figures in a line."""
        return (
            f"before {self.before_db:.1f} dB, after {self.after_db:.1f} dB on your own recordings; "
            f"{_change(self.general.mean)} on ours"
        )


def judge(model: Path, before: Scores, after: Scores, steps: int, seconds: float) -> Adapted:
    """Compare the scores of the same mixtures before and after."""
    own, general = (
        estimate_mean(np.asarray(getattr(after, name) - getattr(before, name)).tolist(), interval="t")
        for name in ("own", "general")
    )
    means = [float(scores.own.mean()) for scores in (before, after)]
    return Adapted(model, means[0], means[1], own, general, steps, seconds)


def refuse_worse(adapted: Adapted) -> None:
    """Check that the result may be written.

    Raises:
        AdaptationRefused: It is no better on the user's recordings, or lost too much on general ones.
    """
    own, general = adapted.own.mean, adapted.general.mean
    if not own > LEAST_GAIN_DB:
        raise AdaptationRefused(
            f"{adapted.model} was not written: it is no better on the part of your recordings that was held "
            f"back ({own:+.2f} dB). Give more recordings or more --minutes; --force writes it all the same."
        )
    if general < -MOST_FORGETTING_DB:
        raise AdaptationRefused(
            f"{adapted.model} was not written: it gains {own:+.1f} dB on your recordings, but loses "
            f"{-general:.1f} dB on general ones. Give fewer --minutes; --force writes it all the same."
        )


def as_table(adapted: Adapted) -> str:
    """The figures as Markdown."""

    def line(name: str, one: Estimate) -> str:
        return f"| {name} | {one.mean:+.2f} ± {one.margin:.2f} | {one.count} |"

    return "\n".join(
        [
            "Change of SI-SDR, dB, paired, with 95 % confidence, on mixtures of held-back recordings:",
            "",
            "| | change | mixtures |",
            "| --- | ---: | ---: |",
            line("own recordings", adapted.own),
            line("general mixtures", adapted.general),
            "",
            f"On the own recordings {adapted.before_db:.1f} dB before, {adapted.after_db:.1f} dB after.",
        ]
    )


def with_margin(one: Estimate) -> str:
    """A change with its confidence, in words."""
    return f"{one.mean:+.2f} ± {one.margin:.2f} dB ({one.count} mixtures)"


def _change(by_db: float) -> str:
    return "unchanged" if abs(by_db) < 0.05 else f"{by_db:+.1f} dB"
