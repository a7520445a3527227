"""Summary of a cleaned recording: what ran, and what became of the sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hushgate.effects.denoiser import find_denoisers
from hushgate.engine.model_files.runtime import import_onnxruntime
from hushgate.measuring import wording
from hushgate.measuring.cleaning_meter import CleaningFigures
from hushgate.pedalboard_compat.effect_protocol import Effect
from hushgate.rendering.file_loop import FileLoop
from hushgate.rendering.loudness import LoudnessFigures


@dataclass(frozen=True)
class Summary:
    """What was done to a recording.

    Attributes:
        models: Names of the models, in order.
        engine: What ran them; None without a model.
        sample_rate: Hz.
        num_samples: Length, samples per channel.
        latency_samples: Latency of the effect, which was taken out.
        figures: What became of the sound.
        loudness: What normalization did; None without.
        num_clipped: Samples that were clipped because the output cannot hold them.
        elapsed_s: Processing time, seconds.
        warnings: What the user must know about the result, one sentence each.
    """

    models: tuple[str, ...]
    engine: str | None
    sample_rate: float
    num_samples: int
    latency_samples: int
    figures: CleaningFigures
    loudness: LoudnessFigures | None
    num_clipped: int
    elapsed_s: float
    warnings: tuple[str, ...] = ()

    @property
    def real_time_factor(self) -> float | None:
        """Processing time by length; None for an empty recording."""
        return self.elapsed_s * self.sample_rate / self.num_samples if self.num_samples else None

    def lines(self) -> list[tuple[str, str]]:
        """Name and text of each figure."""
        model = ", ".join(self.models) or "none"
        return [
            ("model", f"{model}, on {self.engine}" if self.engine else model),
            ("latency", wording.latency_text(self.latency_samples, self.sample_rate)),
            *wording.sound_lines(self.figures, self.num_clipped),
            *([("loudness", self._loudness_text())] if self.loudness else []),
            ("speed", wording.speed_text(self.real_time_factor)),
        ]

    def _loudness_text(self) -> str:
        assert self.loudness is not None
        found = self.loudness
        return wording.loudness_text(found.before_lufs, found.after_lufs, found.true_peak_dbtp)


def summarize(
    effect: Effect,
    loop: FileLoop,
    elapsed_s: float,
    num_clipped: int,
    loudness: LoudnessFigures | None = None,
) -> Summary:
    """The summary of a loop that has ended.

    Args:
        effect: The effect that ran.
        loop: Its loop, made with `measure`.
        elapsed_s: Processing time, seconds.
        num_clipped: Samples that the output clipped.
        loudness: What normalization did; None without.

    Raises:
        ValueError: The loop did not measure.
    """
    if loop.meter is None:
        raise ValueError("loop must be made with measure=True (got measure=False).")
    return Summary(
        models=models_of(effect),
        engine=engine_of(effect),
        sample_rate=loop.sample_rate,
        num_samples=loop.num_samples,
        latency_samples=round(float(getattr(effect, "latency_samples", 0))),
        figures=_normalized(loop.meter.figures(), loudness),
        loudness=loudness,
        num_clipped=num_clipped,
        elapsed_s=elapsed_s,
    )


def _normalized(figures: CleaningFigures, loudness: LoudnessFigures | None) -> CleaningFigures:
    """Figures of a cleaning with the gain of a normalization after it."""
    if loudness is None:
        return figures
    return replace(
        figures.turned_up(loudness.gain_db),
        level_after_dbfs=loudness.level_dbfs,
        peak_after_dbfs=loudness.peak_dbfs,
        num_over=loudness.num_over,
    )


def models_of(effect: Effect) -> tuple[str, ...]:
    """Names of the models of an effect, each once."""
    return tuple(dict.fromkeys(denoiser.model for denoiser in find_denoisers(effect)))


def engine_of(effect: Effect) -> str | None:
    """What runs the models of an effect; None without a model."""
    engines = dict.fromkeys(denoiser.running_engine for denoiser in find_denoisers(effect))
    return " and ".join(_engine_name(engine) for engine in engines) or None


def _engine_name(engine: str) -> str:
    if engine == "native":
        return "the native engine"
    # Not the version of the package: it has other names too, such as onnxruntime-gpu.
    return f"onnxruntime {import_onnxruntime().__version__}{engine.removeprefix('onnx')}"


def columns(lines: Sequence[tuple[str, str]]) -> list[str]:
    """Lines of a summary with their texts below each other."""
    width = max((len(name) for name, _ in lines), default=0)
    return [f"{name:<{width}}  {text}" for name, text in lines]
