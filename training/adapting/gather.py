"""Everything there is to mix: the user's recordings, what ships, and what the model itself estimates."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hushgate.training.adapting.errors import MaterialError
from hushgate.training.adapting.estimate_noise import estimate_targets, removed
from hushgate.training.adapting.material import CHECK, CLEAN, OWN_NOISE, OWN_TARGET, TRAIN, Labelled
from hushgate.training.adapting.mixing import Sources
from hushgate.training.adapting.recordings import Recording, hold_back, read_recordings
from hushgate.training.adapting.request import Request
from hushgate.training.adapting.speech.pack import ATTRIBUTION, shipped_speech
from hushgate.training.adapting.start import Start

_SPEECH_TASK = "voice"
_LEAST_NOISE_S, _LEAST_TARGET_S, _LEAST_NOISY_S, _LEAST_CLEAN_S = 10.0, 20.0, 30.0, 30.0


@dataclass(frozen=True)
class Gathered:
    """What an adaptation mixes.

    Attributes:
        material: Recordings by kind and split.
        sources: What there is of it.
        words: What the model is adapted to, in words.
        attribution: Of recordings that are not the user's.
        fingerprint: Changes with the recordings and what each is.
        as_recorded: Held-back parts of recordings that have no clean version, to listen to.
    """

    material: tuple[Labelled, ...]
    sources: Sources
    words: str
    attribution: str
    fingerprint: str
    as_recorded: tuple[Recording, ...]


def gather(request: Request, start: Start) -> Gathered:
    """Read the recordings of a request.

    Raises:
        MaterialError: They are silence, too short or missing.
        AudioFileError: A file cannot be read as sound.
    """
    rate = start.sample_rate
    is_speech = start.card.task == _SPEECH_TASK
    if not (is_speech or request.clean or request.target or request.noisy):
        raise MaterialError(
            f"{start.name} keeps {start.card.task}, and only speech ships: name clean recordings of what it "
            "keeps, half a minute or more: --clean FOLDER."
        )
    material: list[Labelled] = []
    words: list[str] = []
    digest = hashlib.sha256()

    def add(kind: str, recordings: Sequence[Recording], label: str = "") -> None:
        split = hold_back(recordings, rate)
        material.extend(
            [Labelled(kind, TRAIN, split.train, label), Labelled(kind, CHECK, split.held_back, label)]
        )
        fingerprint(kind, recordings)

    def fingerprint(kind: str, recordings: Sequence[Recording]) -> None:
        digest.update(kind.encode())
        for one in recordings:
            digest.update(one.audio.tobytes())

    if request.noise:
        add(OWN_NOISE, read_recordings(request.noise, "--noise", rate, _LEAST_NOISE_S))
        words.append(f"the noise of {_names(request.noise)}")
    estimates: list[Recording] = []
    as_recorded: tuple[Recording, ...] = ()
    if request.noisy:
        noisy = read_recordings(request.noisy, "--noisy", rate, _LEAST_NOISY_S)
        estimates = estimate_targets(noisy, start)
        add(OWN_NOISE, removed(noisy, estimates))
        as_recorded = hold_back(noisy, rate).held_back
        words.append(f"recordings like {_names(request.noisy)}")
    targets: list[Recording] = []
    if request.target:
        targets = read_recordings(request.target, "--target", rate, _LEAST_TARGET_S)
        add(OWN_TARGET, targets, OWN_TARGET)
        words.append(f"{'only ' if request.only_target else ''}the sound of {_names(request.target)}")
    attribution = ""
    if request.clean or not is_speech:
        clean = read_recordings(request.clean, "--clean", rate, _LEAST_CLEAN_S) if request.clean else []
        split = hold_back(clean or targets or estimates, rate)
        material += [Labelled(CLEAN, TRAIN, split.train), Labelled(CLEAN, CHECK, split.held_back)]
        fingerprint(CLEAN, clean)
    else:
        material += shipped_speech(rate)
        attribution = ATTRIBUTION
    sources = Sources(
        bool(request.noise or request.noisy), bool(request.target), request.only_target, is_speech
    )
    to = ", ".join(words)
    return Gathered(tuple(material), sources, to, attribution, digest.hexdigest(), as_recorded)


def _names(paths: Sequence[str | Path]) -> str:
    names = [Path(path).name or str(path) for path in paths]
    return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
