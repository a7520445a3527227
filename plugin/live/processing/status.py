"""Snapshot of a running session, for views and scripts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from hushgate.live.processing.callback import State
from hushgate.measuring.cleaning_meter import CleaningFigures


@dataclass(frozen=True)
class Status:
    """Levels, load, settings and faults of a session at one moment.

    Attributes:
        input_name, output_name: Names of the devices.
        sample_rate: Hz.
        block_size: Samples per callback.
        num_channels: Channels of the effect.
        elapsed_s: Length of the sound so far, seconds.
        state: "running"; "overload" while the effect is too slow and the output is dry;
            "returning" while the effect warms up again.
        is_bypassed: True while the output is dry by request.
        input_dbfs, output_dbfs: Peak levels, dBFS; -inf for silence.
        gain_reduction_db: Current gain reduction of all denoisers, dB; None without one.
        presence: Current share of wanted sound, 0 to 1; None without a denoiser.
        mix, gate_threshold_db, output: Settings of the first denoiser; None without one.
        effect_latency_ms: Delay of the effect.
        device_latency_ms: Delay of input and output devices together, as the system reports it.
        load: Share of a block's duration that its callback takes, smoothed over 0.3 s.
        load_median, load_p99: The same over all blocks, median and 99th percentile.
        num_dropouts: Gaps that the devices reported, the first half second left out.
        num_late: Blocks that took longer than they last. Without any, hushgate did not cause the dropouts.
        num_overloads: Overloads so far.
        num_gaps: Blocks for which the effect returned too few samples.
        num_clipped: Samples that were clipped to full scale.
        num_nonfinite: Samples that were not finite and became 0.
        recording: File of the recording, or None.
        num_unrecorded: Samples missing in it because the disk was too slow.
        record_error: Reason for which the recording ended early, or None.
        figures: What became of the sound; None in a snapshot while sound runs.
    """

    input_name: str
    output_name: str
    sample_rate: float
    block_size: int
    num_channels: int
    elapsed_s: float
    state: State
    is_bypassed: bool
    input_dbfs: float
    output_dbfs: float
    gain_reduction_db: float | None
    presence: float | None
    mix: float | None
    gate_threshold_db: float | None
    output: str | None
    effect_latency_ms: float
    device_latency_ms: float
    load: float
    load_median: float
    load_p99: float
    num_dropouts: int
    num_late: int
    num_overloads: int
    num_gaps: int
    num_clipped: int
    num_nonfinite: int
    recording: str | None
    num_unrecorded: int
    record_error: str | None
    figures: CleaningFigures | None = None

    @property
    def latency_ms(self) -> float:
        """Delay from the microphone to the headphones, ms."""
        return self.effect_latency_ms + self.device_latency_ms

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, which has no infinity: None for silence and for a gate that is off."""
        values = {**asdict(self), "latency_ms": self.latency_ms}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
