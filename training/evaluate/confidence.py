"""Confidence intervals of means over test items, and paired comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_RESAMPLES = 4_000
_PICKS_AT_ONCE = 1_000_000
_LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean, the ends of its 95 % confidence interval (NaN for a single item), and the number of items."""

    mean: float
    low: float
    high: float
    count: int

    @property
    def margin(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2.0


def estimate_mean(
    values: Sequence[float], weights: Sequence[float] | None = None, interval: str = "bootstrap"
) -> Estimate:
    """Mean and its confidence interval; items whose value is NaN are left out.

    Args:
        values: One for each item.
        weights: Weight of each item, such as the words of its text; equal by default.
        interval: "bootstrap" (percentiles of 4,000 resamplings of the items, always the same ones; Efron
            1979) or "t" (Student's, from the weighted items' linearized deviations).

    >>> estimate_mean([1.0, 2.0, 3.0], interval="t").mean
    2.0
    """
    x = np.asarray(values, dtype=np.float64)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
    kept = np.isfinite(x) & np.isfinite(w) & (w > 0.0)
    x, w = x[kept], w[kept]
    count = len(x)
    if count == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    mean = float(np.average(x, weights=w))
    if count == 1:
        return Estimate(mean, math.nan, math.nan, 1)
    if interval == "t":
        # The ratio of two sums, linearized; with equal weights the plain standard error.
        deviations = w * (x - mean) / w.mean()
        margin = float(stats.t.ppf(0.5 + _LEVEL / 2, count - 1) * deviations.std(ddof=1) / math.sqrt(count))
        return Estimate(mean, mean - margin, mean + margin, count)
    rng = np.random.default_rng(0)
    means = np.empty(_RESAMPLES)
    rows = max(1, _PICKS_AT_ONCE // count)
    for first in range(0, _RESAMPLES, rows):
        picks = rng.integers(0, count, (min(rows, _RESAMPLES - first), count))
        means[first : first + rows] = (x * w)[picks].sum(axis=1) / w[picks].sum(axis=1)
    low, high = np.percentile(means, [50.0 * (1.0 - _LEVEL), 50.0 * (1.0 + _LEVEL)])
    return Estimate(mean, float(low), float(high), count)


@dataclass(frozen=True)
class Comparison:
    """One system against another on the same items.

    Attributes:
        difference: Mean of one minus the other.
        wins: Share of the items on which the first is better; ties count half.
        p_value: Of the Wilcoxon signed-rank test that there is no difference; NaN with fewer than 6 items.
    """

    difference: Estimate
    wins: float
    p_value: float


def compare(
    one: Sequence[float],
    other: Sequence[float],
    weights: Sequence[float] | None = None,
    *,
    higher_is_better: bool = True,
    interval: str = "bootstrap",
) -> Comparison:
    """Compare two systems item by item; items on which either has no value are left out."""
    differences = np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    estimate = estimate_mean(differences.tolist(), weights, interval)
    kept: NDArray[np.float64] = differences[np.isfinite(differences)]
    if len(kept) == 0:
        return Comparison(estimate, math.nan, math.nan)
    better = kept > 0.0 if higher_is_better else kept < 0.0
    wins = float(np.mean(better + 0.5 * (kept == 0.0)))
    enough = len(kept) >= 6 and bool(np.any(kept))
    p_value = float(stats.wilcoxon(kept, zero_method="zsplit").pvalue) if enough else math.nan
    return Comparison(estimate, wins, p_value)
