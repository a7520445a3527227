"""Results of a batch: figures or the error of every file, and totals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Literal, Self, get_args

Status = Literal["done", "resumed", "skipped", "failed", "unfinished"]
# Only for HTML reports.
PAGE_FIELDS = (
    "picture_before",
    "picture_after",
    "picture_removed",
    "heard_before_lufs",
    "heard_after_lufs",
    "heard_removed_lufs",
)


@dataclass(frozen=True)
class FileResult:
    """One file of a batch.

    Attributes:
        source: Path or URL that was read.
        output: Path or URL of the output; None where none was written.
        residual: Path or URL of the removed sound; None without one.
        name: Path of the file relative to its input folder.
        status: "done"; "resumed" if an earlier run had done it; "skipped" because its output existed;
            "failed"; "unfinished" because the batch was interrupted.
        error: Reason of a failure, one line.
        warnings: Faults of input and output, one sentence each.
        duration_s: Length, seconds.
        sample_rate: Hz.
        num_channels, num_samples: Of input and output.
        container, subtype: Format of the output, in soundfile's names.
        source_container, source_subtype: Format of the source.
        level_before_dbfs, level_after_dbfs: RMS level; None for digital silence.
        peak_before_dbfs, peak_after_dbfs: Largest sample as written; None for digital silence.
        floor_before_dbfs, floor_after_dbfs: Noise floor where the target is silent, dBFS; None where it could
            not be measured, for the reason in `floor_unknown`.
        floor_from_hz: Lowest frequency it was measured at; 0.0 for all.
        noise_removed_db: Difference of the two floors.
        target_change_db: Change of the target's level.
        target_changed: Share of the target that changed by more than 3 dB against the rest, 0 to 1.
        loudness_before_lufs, loudness_after_lufs, true_peak_dbtp: Loudness before and after normalization,
            and the largest true peak; None without it, and for sound without a loudness.
        residual_level_dbfs: RMS level of the removed sound.
        num_clipped: Samples that were beyond full scale and clipped, residual included.
        clip_gain_db: Lowest gain of the peaks (limit), or gain of the whole file (rescale).
        elapsed_s: Processing time, seconds.
        real_time_factor: `elapsed_s / duration_s`.
        preset: Name of the preset; None without one.
        model: Names of the models.
        engine: What ran them.
        latency_samples: Latency of the effect, which was taken out.
        settings_hash: Fingerprint of the settings, the models and the version.
        source_sha256, output_sha256: Checksums of remote files.
        picture_before, picture_after, picture_removed: Small spectrograms, PNG in base64; only for HTML
            reports.
        heard_before_lufs, heard_after_lufs, heard_removed_lufs: Loudness of the files; only for HTML reports.
    """

    source: str
    name: str
    status: Status
    settings_hash: str
    output: str | None = None
    residual: str | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()
    duration_s: float | None = None
    sample_rate: int | None = None
    num_channels: int | None = None
    num_samples: int | None = None
    container: str | None = None
    subtype: str | None = None
    source_container: str | None = None
    source_subtype: str | None = None
    level_before_dbfs: float | None = None
    level_after_dbfs: float | None = None
    peak_before_dbfs: float | None = None
    peak_after_dbfs: float | None = None
    floor_before_dbfs: float | None = None
    floor_after_dbfs: float | None = None
    floor_from_hz: float | None = None
    floor_unknown: str | None = None
    noise_removed_db: float | None = None
    target_change_db: float | None = None
    target_changed: float | None = None
    loudness_before_lufs: float | None = None
    loudness_after_lufs: float | None = None
    true_peak_dbtp: float | None = None
    residual_level_dbfs: float | None = None
    num_clipped: int | None = None
    clip_gain_db: float | None = None
    elapsed_s: float | None = None
    real_time_factor: float | None = None
    preset: str | None = None
    model: str | None = None
    engine: str | None = None
    latency_samples: int | None = None
    source_sha256: str | None = None
    output_sha256: str | None = None
    picture_before: str | None = field(default=None, repr=False)
    picture_after: str | None = field(default=None, repr=False)
    picture_removed: str | None = field(default=None, repr=False)
    heard_before_lufs: float | None = field(default=None, repr=False)
    heard_after_lufs: float | None = field(default=None, repr=False)
    heard_removed_lufs: float | None = field(default=None, repr=False)

    def to_dict(self, *, pictures: bool = False) -> dict[str, Any]:
        """All figures as plain values, those of `PAGE_FIELDS` only on request."""
        return {key: value for key, value in asdict(self).items() if pictures or key not in PAGE_FIELDS}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; unknown keys are ignored.

        Raises:
            ValueError: A value is missing or has another type than its field.
        """
        kept: dict[str, Any] = {}
        for item in fields(cls):
            if item.name in values:
                kept[item.name] = _checked(item.name, str(item.type), values[item.name])
            elif item.default is MISSING:
                raise ValueError(f"{item.name} is missing.")
        return cls(**kept)


def _checked(name: str, annotation: str, value: Any) -> Any:
    """`value`, if it fits the annotation of its field."""
    kind, _, optional = annotation.partition(" | ")
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    fits = {
        "str": isinstance(value, str),
        "Status": value in get_args(Status) if isinstance(value, str) else False,
        "int": is_number and isinstance(value, int),
        "float": is_number,
        "tuple[str, ...]": isinstance(value, list | tuple) and all(isinstance(part, str) for part in value),
    }
    if value is None and optional:
        return None
    if not fits[kind]:
        raise ValueError(f"{name} must be of type {annotation} (got {value!r}).")
    return tuple(value) if kind.startswith("tuple") else value


@dataclass(frozen=True)
class BatchResult:
    """Result of a batch.

    Attributes:
        files: One entry per input, in the order of the inputs.
        settings: Settings as plain values.
        settings_hash: Fingerprint of the settings.
        elapsed_s: Time of the whole batch, seconds.
        ignored: Files in input folders that were left alone, and the reasons.
        warnings: Warnings about the batch as a whole, one sentence each.
        faults: Reports that could not be written and the reasons, one line each.
    """

    files: tuple[FileResult, ...]
    settings: Mapping[str, Any]
    settings_hash: str
    elapsed_s: float
    ignored: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[FileResult, ...]:
        """The files that failed."""
        return self.having("failed")

    @property
    def num_ignored(self) -> int:
        """Number of files in input folders that were left alone."""
        return len(self.ignored)

    def having(self, *statuses: Status) -> tuple[FileResult, ...]:
        """The files with one of these statuses."""
        return tuple(file for file in self.files if file.status in statuses)

    def summary(self) -> dict[str, Any]:
        """Counts and totals of the batch."""
        done = self.having("done")
        duration_s = sum(file.duration_s or 0.0 for file in done)
        statuses: tuple[Status, ...] = ("done", "resumed", "skipped", "failed", "unfinished")
        return {
            "num_files": len(self.files),
            **{f"num_{status}": len(self.having(status)) for status in statuses},
            "num_ignored": self.num_ignored,
            "duration_s": duration_s,
            "elapsed_s": self.elapsed_s,
            "real_time_factor": self.elapsed_s / duration_s if duration_s else None,
        }
