"""A shipped recipe of mixtures, fitted to the recordings that a user has."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hushgate.training.config.mixture_schema import MixConfig, SourceSpec
from hushgate.training.recordings.clips import Clip, list_clips


@dataclass(frozen=True)
class Fitted:
    """Mixtures that the recordings allow, and what was changed for it, a sentence each."""

    mix: MixConfig
    changes: tuple[str, ...]


def fit_to_recordings(mix: MixConfig, folders: Sequence[str]) -> Fitted:
    """Use any recordings of a kind for those that the recipe names, and leave out noises there are none of.

    Without recordings of rooms, rooms are synthesized.

    Args:
        mix: The recipe.
        folders: Folders with a manifest.csv, manifests, or plain folders, whose subfolders are the kinds.

    Raises:
        FileNotFoundError: A folder does not exist.
        ValueError: There are no recordings of any target; says what the folder should hold.
    """
    clips = [clip for folder in folders for clip in list_clips(Path(folder))]
    clips = [clip for clip in clips if clip.split == "train"]
    targets, changes = _usable(mix.targets, clips)
    noises, more = _usable(mix.noises, clips)
    if not targets:
        wanted = sorted({spec.kind for spec in mix.targets})
        found = sorted({clip.kind for clip in clips})
        raise ValueError(
            f"{', '.join(folders)} must hold recordings of {' or '.join(wanted)} (got {', '.join(found)}): "
            f"put clean ones into the subfolder {wanted[0]}/ and noise into noise/, or write a manifest.csv "
            "(docs/training.md)."
        )
    room_kind = mix.room_kind
    if room_kind and all(clip.kind != room_kind for clip in clips):
        more.append(f"synthesized rooms in place of recordings of {room_kind}")
        room_kind = ""
    return Fitted(
        dataclasses.replace(mix, targets=targets, noises=noises, room_kind=room_kind),
        tuple(dict.fromkeys((*changes, *more))),
    )


def _usable(specs: Sequence[SourceSpec], clips: Sequence[Clip]) -> tuple[tuple[SourceSpec, ...], list[str]]:
    """The sources that have recordings, if need be of another folder, and what was changed."""
    kept: list[SourceSpec] = []
    changes = []
    for spec in specs:
        of_kind = [clip for clip in clips if clip.kind == spec.kind]
        if spec.is_synthesized or any(spec.takes(clip.kind, clip.name) for clip in of_kind):
            kept.append(spec)
        elif not of_kind:
            changes.append(f"no recordings of {spec.kind}: left out")
        elif any((one.kind, one.prefix, one.voices) == (spec.kind, "", spec.voices) for one in kept):
            continue
        else:
            kept.append(dataclasses.replace(spec, prefix=""))
            changes.append(f"all recordings of {spec.kind} in place of {spec.prefix}")
    return tuple(kept), changes
