"""Preparation of a corpus: splits, lengths, copies where needed, and the manifest."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import soundfile

from hushgate.training.corpora.copies import Copies, reason
from hushgate.training.corpora.corpus import Options, Recording
from hushgate.training.corpora.registry import CORPORA
from hushgate.training.corpora.silence import SilenceRule
from hushgate.training.corpora.splits import parse_shares, split_groups
from hushgate.training.recordings.manifest import MANIFEST_NAME, SPLITS, ManifestRow, update_manifest

SPLIT_BY = ("speaker", "file")
Progress = Callable[[Sequence[Recording], str], Iterable[Recording]]


@dataclass(frozen=True)
class Preparation:
    """Settings of a preparation.

    Args:
        split: "official" (what the corpus says; else by `validation`) or shares of train, val and test, such
            as "60/20/20".
        split_by: With shares, keep each "speaker" (or class, or source) together, or deal every "file".
        validation: Share of the training groups that validates where the corpus has no validation part, 0..1.
        merge_validation: Train on the validation part too, for a final run. It stays listed as validation,
            but its figures then show no more than progress.
        seed: Deals the splits.
        min_s, max_s: Drop shorter and longer recordings, s.
        sample_rate: Write copies at this rate, Hz; None leaves the rate.
        silence: Write copies without silent stretches.
        skip_unreadable: Leave out files that cannot be read, instead of stopping.
    """

    split: str = "official"
    split_by: str = "speaker"
    validation: float = 0.1
    merge_validation: bool = False
    seed: int = 0
    min_s: float = 0.0
    max_s: float = float("inf")
    sample_rate: int | None = None
    silence: SilenceRule | None = None
    skip_unreadable: bool = False

    def __post_init__(self) -> None:
        if self.split != "official":
            parse_shares(self.split)
        if self.split_by not in SPLIT_BY:
            raise ValueError(f"split_by must be one of {', '.join(SPLIT_BY)} (got {self.split_by!r}).")
        if not 0.0 <= self.validation < 1.0:
            raise ValueError(f"validation must be a share from 0 to below 1 (got {self.validation:g}).")
        if not 0.0 <= self.min_s <= self.max_s:
            raise ValueError(
                f"min_seconds must be between 0 s and max_seconds (got {self.min_s:g} and {self.max_s:g})."
            )
        if self.sample_rate is not None and self.sample_rate < 1000:
            raise ValueError(f"sample_rate must be 1000 Hz or more (got {self.sample_rate}).")

    @property
    def changes_sound(self) -> bool:
        """True if copies are written."""
        return self.sample_rate is not None or self.silence is not None


@dataclass
class Prepared:
    """Result: the rows, and the number of recordings left out by reason."""

    manifest: Path
    rows: list[ManifestRow]
    dropped: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)


def prepare(
    corpus_name: str,
    folders: Sequence[Path],
    output: Path,
    preparation: Preparation | None = None,
    options: Options | None = None,
    progress: Progress = lambda recordings, _: recordings,
) -> Prepared:
    """Check a corpus, deal its recordings into splits and add them to the manifest of `output`.

    Rows of the same corpus are replaced, others stay: speech and noise can share one folder. The corpus is
    only read. If something goes wrong halfway, the old manifest is still there; copies made so far are used
    by the next run.

    Args:
        corpus_name: Name in `CORPORA`.
        folders: Where the corpus lies.
        output: Folder for the manifest, and for copies under audio/.
        preparation: What to make of it.
        options: What to take of it.
        progress: Passes recordings on and shows how many are left.

    Raises:
        FileNotFoundError, ValueError: The folder is missing, empty or laid out otherwise, a file cannot be
            read, or nothing is left.
        OSError: Something cannot be written.
    """
    preparation, options = preparation or Preparation(), options or Options()
    if corpus_name not in CORPORA:
        raise ValueError(f"corpus must be one of {', '.join(CORPORA)} (got {corpus_name!r}).")
    corpus = CORPORA[corpus_name]
    fewest, most = corpus.num_folders
    if not fewest <= len(folders) <= most:
        count = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise ValueError(f"corpus {corpus_name} takes {count} folders (got {len(folders)}).")
    if preparation.changes_sound:
        for folder in folders:
            if output.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"output must lie outside the corpus {folder} (got {output}).")
    done = Prepared(output / MANIFEST_NAME, [])
    found = corpus.find(folders, options)
    lengths: dict[Path, tuple[int, float]] = {}
    usable = [r for r in progress(found, "reading") if _measure(r, preparation, lengths, done)]
    if not usable:
        reasons = ", ".join(f"{count} {reason}" for reason, count in done.dropped.items())
        raise ValueError(f"nothing of {corpus.title} is left: {reasons}.")
    dealt = _Dealer(preparation, folders, lengths).deal(usable)
    copies = (
        Copies(output, corpus_name, folders, preparation.sample_rate, preparation.silence)
        if preparation.changes_sound
        else None
    )
    for recording in progress(dealt, "writing" if copies else "listing"):
        path, noisy = recording.path, recording.noisy
        sample_rate, seconds = lengths[path]
        if copies is not None:
            path, noisy, sample_rate, seconds = copies.make(recording)
            if seconds == 0.0:
                done.dropped["silent"] += 1
                continue
        row = ManifestRow(
            _relative(path, output), recording.kind, recording.split, recording.label,
            sample_rate, round(seconds, 3), corpus.license, corpus.title,
            _relative(noisy, output) if noisy else "",
        )  # fmt: skip
        done.rows.append(row)
    if preparation.merge_validation:
        done.rows += [replace(row, split="train") for row in done.rows if row.split == "val"]
    source = corpus.title
    update_manifest(done.manifest, done.rows, lambda line: line.get("source") == source)
    return done


def _measure(
    recording: Recording, preparation: Preparation, lengths: dict[Path, tuple[int, float]], done: Prepared
) -> bool:
    """Read a recording's rate and length, and say whether it is to be used."""
    for path in (recording.path, *([recording.noisy] if recording.noisy else [])):
        try:
            info = soundfile.info(path)
        except (soundfile.LibsndfileError, OSError) as error:
            if not preparation.skip_unreadable:
                raise ValueError(
                    f"{path} must be a sound file that can be read ({reason(error)}). "
                    "Remove it, or pass --skip-unreadable."
                ) from error
            done.dropped["unreadable"] += 1
            done.unreadable.append(str(path))
            return False
        lengths[path] = (info.samplerate, info.frames / info.samplerate)
    seconds = lengths[recording.path][1]
    why = (
        "empty" if not seconds
        else f"shorter than {preparation.min_s:g} s" if seconds < preparation.min_s
        else f"longer than {preparation.max_s:g} s" if seconds > preparation.max_s
        else ""
    )  # fmt: skip
    if why:
        done.dropped[why] += 1
    return not why


class _Dealer:
    """Deals recordings into splits as asked for."""

    def __init__(
        self, preparation: Preparation, folders: Sequence[Path], lengths: Mapping[Path, tuple[int, float]]
    ) -> None:
        self.preparation, self.folders, self.lengths = preparation, folders, lengths

    def deal(self, recordings: Sequence[Recording]) -> list[Recording]:
        dealt = []
        for kind in dict.fromkeys(recording.kind for recording in recordings):
            chosen = [recording for recording in recordings if recording.kind == kind]
            if self.preparation.split == "official":
                dealt += self._official(chosen)
            else:
                dealt += self._by_shares(chosen, parse_shares(self.preparation.split))
        return dealt

    def _official(self, recordings: Sequence[Recording]) -> list[Recording]:
        """Keep the corpus's own splits; where it has none for validation, deal it from what trains."""
        marked = [replace(recording, split=recording.split or "train") for recording in recordings]
        training = [recording for recording in marked if recording.split == "train"]
        share = self.preparation.validation
        if not training or not share or any(recording.split == "val" for recording in marked):
            return marked
        others = [recording for recording in marked if recording.split != "train"]
        return [*self._by_shares(training, (1.0 - share, share, 0.0)), *others]

    def _by_shares(self, recordings: Sequence[Recording], shares: Sequence[float]) -> list[Recording]:
        groups = [self._group(recording) for recording in recordings]
        sizes: dict[str, float] = defaultdict(float)
        for group, recording in zip(groups, recordings, strict=True):
            sizes[group] += self.lengths[recording.path][1]
        splits = split_groups(sizes, shares, self.preparation.seed)
        return [replace(r, split=splits[group]) for group, r in zip(groups, recordings, strict=True)]

    def _group(self, recording: Recording) -> str:
        if self.preparation.split_by == "speaker" and recording.group:
            return recording.group
        # Relative to the corpus, whose own path differs between machines.
        inner = (recording.path.relative_to(f) for f in self.folders if recording.path.is_relative_to(f))
        return next(inner).as_posix()


def _relative(path: Path, output: Path) -> str:
    try:
        # Links in the path of the file are kept; the output is resolved, since ".." may follow a link.
        return Path(os.path.relpath(path.absolute(), output.resolve())).as_posix()
    except ValueError:  # another drive (Windows)
        return path.absolute().as_posix()


def summarize(rows: Sequence[ManifestRow]) -> list[str]:
    """Return a table of what there is: files, hours and labels by kind and split."""
    lines = ["kind        split    files    hours   labels"]
    for kind in sorted({row.kind for row in rows}):
        for split in SPLITS:
            chosen = [row for row in rows if (row.kind, row.split) == (kind, split)]
            if chosen:
                hours = sum(row.seconds for row in chosen) / 3600.0
                labels = len({row.label for row in chosen})
                lines.append(f"{kind:<10}  {split:<5} {len(chosen):>8} {hours:>8.2f} {labels:>8}")
    return lines
