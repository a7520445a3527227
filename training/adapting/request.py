"""What the user asks an adaptation for, checked before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hushgate.training.adapting.errors import MaterialError

Paths = Sequence[str | Path]


@dataclass(frozen=True)
class Request:
    """An adaptation.

    Args:
        model: Shipped name, model file, or checkpoint to start from.
        output: Model file to write.
        noise: Recordings of the noise alone, files or folders.
        target: Clean recordings of what to keep.
        only_target: Only that is kept; other sounds of its kind are noise.
        noisy: Recordings as they are, without clean ones.
        clean: Clean recordings of what the model keeps, for mixtures; without, the speech that ships.
        minutes: Time for training, minutes of the clock.
        steps: Number of training steps instead.
        resume: Go on with an adaptation that was interrupted.
        force: Write the model whatever the check says.
        overwrite: Replace the output and what is written beside it.
        preset_output: Preset file to write, if any.
        learning_rate: Peak of the learning rate.
        seed: Of the mixtures.
        threads: PyTorch threads; 0 for one on each core.
    """

    model: str
    output: Path
    noise: Paths = ()
    target: Paths = ()
    only_target: bool = False
    noisy: Paths = ()
    clean: Paths = ()
    minutes: float = 5.0
    steps: int | None = None
    resume: bool = False
    force: bool = False
    overwrite: bool = False
    preset_output: Path | None = None
    learning_rate: float = 5e-4
    seed: int = 1
    threads: int = 0

    def __post_init__(self) -> None:
        if not (self.noise or self.target or self.noisy):
            raise MaterialError(
                "adapt needs recordings: --noise (the noise alone), --target (clean takes of what to keep), "
                "or --noisy (recordings as they are)."
            )
        if self.only_target and not self.target:
            raise MaterialError("--only-target needs --target: clean recordings of the one voice to keep.")
        if self.output.suffix != ".onnx":
            raise ValueError(f"the model to write must end in .onnx (got {self.output}).")
        if self.preset_output is not None and self.preset_output.suffix != ".toml":
            raise ValueError(f"the preset to write must end in .toml (got {self.preset_output}).")
        if not 0.1 <= self.minutes <= 600.0:
            raise ValueError(f"minutes must be between 0.1 and 600 (got {self.minutes:g}).")
        if not 0.0 <= self.learning_rate <= 0.1:
            raise ValueError(f"learning_rate must be between 0 and 0.1 (got {self.learning_rate:g}).")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps must be 1 or more (got {self.steps}).")
        if not self.output.absolute().parent.is_dir():
            raise FileNotFoundError(f"folder {self.output.parent} does not exist.")
        for path in self.written:
            if path.exists() and not self.overwrite:
                raise FileExistsError(f"{path} exists. Use --overwrite to replace it.")

    @property
    def written(self) -> list[Path]:
        """The files that a finished adaptation leaves."""
        presets = [] if self.preset_output is None else [self.preset_output]
        return [self.output, self.card, self.page, *presets]

    @property
    def card(self) -> Path:
        """The card beside the model."""
        return self.output.with_suffix(".md")

    @property
    def page(self) -> Path:
        """The page with players."""
        return self.output.with_suffix(".html")

    @property
    def work(self) -> Path:
        """Folder of mixtures and state while it runs, and after an interruption."""
        return self.output.with_name(f".{self.output.stem}.adapting")
