"""A snapshot of a running session, for views and scripts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from hushgate.live.processing.callback import State


@dataclass(frozen=True)
class Status:
    """Everything a view shows.

    Attributes:
        input_name, output_name: Devices.
        sample_rate: Hz.
        block_size: Samples per callback.
        num_channels: Channels the effect gets.
        elapsed_s: Sound so far, seconds.
        state: "running"; "overload" while the effect is too slow and the dry signal goes out;
            "returning" while the effect warms up again.
        is_bypassed: Whether the dry signal goes out by request.
        input_dbfs, output_dbfs: Peak levels, dBFS; -inf for silence.
        gain_reduction_db: How much the denoisers turn down now, dB; None without one.
        presence: Share of wanted sound now, 0 to 1; None without a denoiser.
        mix, gate_threshold_db, output: Settings of the first denoiser; None without one.
        effect_latency_ms: Delay of the effect.
        device_latency_ms: Delay of input and output devices together, as the system reports it.
        load: Share of a block's duration that its callback takes, lately.
        load_median, load_p99: The same over all blocks, median and 99th percentile.
        num_dropouts: Gaps that the devices reported, the first half second left out.
        num_late: Blocks that took longer than they last. A dropout without one is not of hushgate's making.
        num_overloads: How often the effect was given up.
        num_gaps: How often the effect returned too little.
        num_clipped: Samples that went out limited to full scale.
        num_nonfinite: Samples that were not numbers and became 0.
        recording: Name of the file that is being recorded to, or None.
        num_unrecorded: Samples that are missing in it because the disk was too slow.
        record_error: Why the recording ended, or None.
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

    @property
    def latency_ms(self) -> float:
        """Delay from the microphone to the headphones, ms."""
        return self.effect_latency_ms + self.device_latency_ms

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, which knows no infinity: None for silence and for a gate that is off."""
        values = {**asdict(self), "latency_ms": self.latency_ms}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
