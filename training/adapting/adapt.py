"""The whole of an adaptation: from recordings to a checked model with its card, preset and page."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from hushgate.engine.model_files.model import Model
from hushgate.training.adapting.budget import Budget
from hushgate.training.adapting.card import adapted_card, write_card, write_preset
from hushgate.training.adapting.check import Check
from hushgate.training.adapting.errors import AdaptationInterrupted, AdaptationRefused, MaterialError
from hushgate.training.adapting.estimate_noise import enhance
from hushgate.training.adapting.fit import Fit, FitConfig, Progress
from hushgate.training.adapting.gather import Gathered, gather
from hushgate.training.adapting.listening_page import Example, write_page
from hushgate.training.adapting.material import CHECK, TRAIN, write_material
from hushgate.training.adapting.mixing import draw_both, make_mixtures
from hushgate.training.adapting.request import Request
from hushgate.training.adapting.start import Start, load_start
from hushgate.training.adapting.verdict import Adapted, as_table, judge, refuse_worse, with_margin
from hushgate.training.exporting.mask_network import export_network
from hushgate.training.exporting.segment_network import export_segment_network
from hushgate.training.losses import DenoisingLoss
from hushgate.training.mixtures.resumable_folder import differences
from hushgate.training.models import SegmentNetwork
from hushgate.training.models.torch_framing import Framing
from hushgate.training.recordings.atomic_files import write_bytes

# Seeds of the mixtures that choose the best weights on the way, and of those that judge them.
_CHOICE_SEED, _VERDICT_SEED = 1001, 2002
_CHOICE, _VERDICT = (12, 8), (32, 24)
# Length and number of the examples to listen to, and the seed of their mixtures.
_HEARD_S, _HEARD, _HEARD_SEED = 8.0, 3, 3003
_STATE, _REQUEST = "state.ckpt", "request.json"

Report = Callable[[Progress], None]


def adapt(
    model: str,
    output: str | os.PathLike[str],
    *,
    noise: str | Path | Sequence[str | Path] = (),
    target: str | Path | Sequence[str | Path] = (),
    only_target: bool = False,
    noisy: str | Path | Sequence[str | Path] = (),
    clean: str | Path | Sequence[str | Path] = (),
    minutes: float = 5.0,
    report: Report = lambda progress: None,
    **options: Any,
) -> Adapted:
    """Adapt a model to the user's own recordings and write it as a model file.

    Args:
        model: Shipped name, model file, or checkpoint to start from.
        output: Model file to write, `.onnx`. A card (`.md`) and a page with players (`.html`) come beside it.
        noise: Recordings of the noise alone, files or folders, one or several; a minute is enough.
        target: Clean recordings of the voice or instrument to keep.
        only_target: Only that is kept: other voices become noise.
        noisy: Recordings as they are, where nothing clean is at hand.
        clean: Clean recordings of what the model keeps; without them the speech that ships is used.
        minutes: Time for training, 0.1 to 600 minutes.
        report: Called after every step.
        **options: `steps`, `resume`, `force`, `overwrite`, `preset_output`, `learning_rate`, `seed`,
            `threads`: see `Request`.

    Returns:
        What was written and measured. Files in any format, rate and number of channels are read.

    Raises:
        MaterialError: Recordings are too short, silent or missing.
        AdaptationRefused: The result is worse than the start, or forgot its task; `force` writes it.
        FileNotFoundError, FileExistsError, ValueError: See `Request` and `load_start`.
        AdaptationInterrupted: A KeyboardInterrupt; the best so far was written if it is better than the
            start, and `resume` goes on.
    """
    return run(
        Request(
            model=model,
            output=Path(output),
            noise=_paths(noise),
            target=_paths(target),
            only_target=only_target,
            noisy=_paths(noisy),
            clean=_paths(clean),
            minutes=minutes,
            **options,
        ),
        report,
    )


def _paths(paths: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    return [paths] if isinstance(paths, str | Path) else paths


def run(request: Request, report: Report) -> Adapted:
    """Do what a request asks for; see `adapt`."""
    torch.set_num_threads(request.threads or torch.get_num_threads())
    start = load_start(request.model)
    gathered = gather(request, start)
    _prepare_work(request, start, gathered)
    fit = _make_fit(request, start, gathered)
    used_s = fit.resume() if request.resume else 0.0
    budget = Budget(request.minutes, request.steps, used_s)
    try:
        fit.run(budget, report)
    except KeyboardInterrupt:
        raise AdaptationInterrupted(_keep_best(request, start, gathered, fit, budget.elapsed_s)) from None
    adapted = _finish(request, start, gathered, fit, budget.elapsed_s)
    shutil.rmtree(request.work, ignore_errors=True)
    return adapted


def _keep_best(request: Request, start: Start, gathered: Gathered, fit: Fit, seconds: float) -> str:
    """Write the best weights of an interrupted adaptation, if they may be written; returns what was done."""
    again = "--resume --overwrite goes on"
    if not fit.state.best_step:
        return f"nothing better than {start.name} yet; --resume goes on"
    try:
        adapted = _finish(request, start, gathered, fit, seconds)
    except AdaptationRefused as refusal:
        return f"{refusal} --resume goes on"
    return f"{adapted.model} has the best so far: {adapted.summary}; {again}"


def _prepare_work(request: Request, start: Start, gathered: Gathered) -> None:
    """Lay out the recordings; a resumed adaptation must have the same ones."""
    wanted = {
        "model": start.name,
        "seed": request.seed,
        "learning_rate": request.learning_rate,
        "recordings": gathered.fingerprint,
        "sources": asdict(gathered.sources),
    }
    place = request.work / _REQUEST
    if request.resume:
        if not place.is_file() or not (request.work / _STATE).is_file():
            raise FileNotFoundError(f"{request.work} holds no interrupted adaptation. Leave out --resume.")
        if differs := differences(json.loads(place.read_text(encoding="utf-8")), wanted):
            raise MaterialError(
                "--resume needs the model, recordings and settings that it began with (got another "
                f"{', '.join(differs)}). Leave out --resume to begin again."
            )
        return
    shutil.rmtree(request.work, ignore_errors=True)
    write_material(request.work, gathered.material, start.sample_rate)
    write_bytes(place, json.dumps(wanted).encode("utf-8"))


def _make_fit(request: Request, start: Start, gathered: Gathered) -> Fit:
    shape = start.network.config
    framing = Framing(start.sample_rate, shape.frame_ms, shape.overlap)
    training = make_mixtures(request.work, gathered.sources, start.sample_rate, TRAIN)
    held_back = make_mixtures(request.work, gathered.sources, start.sample_rate, CHECK)
    config = FitConfig(seed=request.seed, learning_rate=request.learning_rate)
    size = config.own + config.general

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        return draw_both(training, config.seed, step * size, config.own, config.general)

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Fit(
        start.network.to(device),
        framing,
        DenoisingLoss(start.loss, start.sample_rate),
        draw,
        Check(held_back, framing, _CHOICE_SEED, *_CHOICE),
        config,
        request.work / _STATE,
    )


def _finish(request: Request, start: Start, gathered: Gathered, fit: Fit, seconds: float) -> Adapted:
    """Judge the best weights on mixtures that did not choose them, and write what is asked for."""
    framing = fit.framing
    held_back = make_mixtures(request.work, gathered.sources, start.sample_rate, CHECK)
    verdict = Check(held_back, framing, _VERDICT_SEED, *_VERDICT)
    before = verdict(fit.teacher)
    fit.take_best()
    adapted = judge(request.output, before, verdict(fit.network), fit.state.best_step, seconds)
    if not request.force:
        refuse_worse(adapted)
    card = adapted_card(start.card, request.output, gathered.words, gathered.attribution)
    network = fit.network.cpu()
    with tempfile.TemporaryDirectory(dir=request.output.absolute().parent, prefix=".hushgate-") as folder:
        draft = Path(folder) / request.output.name
        if isinstance(network, SegmentNetwork):
            export_segment_network(network, card, start.sample_rate, draft)
        else:
            export_network(network, card, draft)
        draft.replace(request.output)
    info = Model(request.output).info
    facts = {"Made": f"hushgate adapt, {time.strftime('%Y-%m-%d')}, {adapted.steps} steps in {seconds:.0f} s"}
    write_card(request.card, info, facts, as_table(adapted))
    _write_page(request, start, gathered, fit, adapted)
    if request.preset_output is not None:
        write_preset(request.preset_output, request.output, info, overwrite=request.overwrite)
    return adapted


def _write_page(request: Request, start: Start, gathered: Gathered, fit: Fit, adapted: Adapted) -> None:
    """Let the user hear held-back recordings, or mixtures with them, in all three versions."""
    rate = start.sample_rate
    held_back = make_mixtures(request.work, gathered.sources, rate, CHECK, _HEARD_S)
    sounds = [
        (f"{one.path.name}, held back", one.audio[: round(_HEARD_S * rate)]) for one in gathered.as_recorded
    ]
    for index in range(_HEARD):
        noisy, _ = held_back.own.example(_HEARD_SEED, index)
        sounds.append((f"mixture {index + 1} with what was held back", noisy))
    examples = [
        Example(
            title,
            {
                "untouched": sound,
                f"before, {start.name}": enhance(fit.teacher, fit.framing, sound, rate),
                f"after, {request.output.stem}": enhance(fit.network, fit.framing, sound, rate),
            },
        )
        for title, sound in sounds[:_HEARD]
    ]
    figures = {
        "own recordings": with_margin(adapted.own),
        "general mixtures": with_margin(adapted.general),
        "training": f"{adapted.steps} steps in {adapted.seconds:.0f} s",
    }
    title = f"{start.name}, adapted to {gathered.words}"
    write_page(request.page, title, adapted.summary, figures, examples, rate)


__all__ = ["Adapted", "Request", "adapt", "run"]
