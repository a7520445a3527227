"""A folder of sound files, copied clean and with noise, file by file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.open_audio import AudioFormat
from hushgate.engine.signal.input_checks import replace_nonfinite
from hushgate.errors import AudioFileError
from hushgate.training.config.mixture_schema import SNR_DEFINITIONS
from hushgate.training.corpora.splits import parse_shares, split_groups
from hushgate.training.mixtures.noised_files.noise_streams import NoiseSpec
from hushgate.training.mixtures.noised_files.noised_pair import (
    BLOCK_SIZE,
    Block,
    NoisedPair,
    NoisePlan,
    Sound,
    write_pair,
)
from hushgate.training.mixtures.resumable_folder import ResumableFolder, Row
from hushgate.training.recordings.atomic_files import list_audio
from hushgate.training.recordings.transcripts import find_transcript, write_texts

KIND = "mixture"
LAST_CLIPS = ("pad", "drop")
COLUMNS = (
    "path", "kind", "split", "label", "sample_rate", "seconds", "license", "source", "noisy", "num_channels",
    "original", "original_bytes", "start_s", "is_whole", "num_pairs", "noises", "noise_start_s",
    "noise_gain_db", "snr_of", "snr_db", "measured_snr_db", "gain_db", "noisy_format", "seed",
)  # fmt: skip

Progress = Callable[[float], None]


@dataclass(frozen=True)
class NoiseJob:
    """What `add_noise` does to every file.

    Args:
        noises: One is drawn for each file or clip.
        snr_db: Lowest and highest SNR, dB; drawn evenly.
        snr_of: "file" or "active", see `NoisePlan`.
        clip_samples: Length of consecutive clips, samples; 0 keeps whole files.
        last: What becomes of a last clip that is shorter: "pad" with zeros, or "drop".
        quiet, quiet_db: Share of the pairs that get another pair, quieter by so much, dB.
        shares: Of train, val and test, such as "60/20/20"; "" puts all into train.
        seed: Starts every choice. A file's choices depend on its name and the seed, not on other files.

    Raises:
        ValueError: A value is out of range.
    """

    noises: tuple[NoiseSpec, ...]
    snr_db: tuple[float, float] = (0.0, 5.0)
    snr_of: str = "file"
    clip_samples: int = 0
    last: str = "pad"
    quiet: float = 0.0
    quiet_db: tuple[float, float] = (-24.0, -6.0)
    shares: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.noises:
            raise ValueError("noises must hold at least one noise (got none).")
        for name, (low, high) in (("snr", self.snr_db), ("quiet_db", self.quiet_db)):
            if not (low <= high and math.isfinite(low) and math.isfinite(high)):
                raise ValueError(f"{name} must rise, dB (got {low:g} to {high:g}).")
        if self.quiet_db[1] > 0.0:
            raise ValueError(f"quiet_db must be 0 or less, dB (got {self.quiet_db[1]:g}).")
        if not 0.0 <= self.quiet <= 1.0:
            raise ValueError(f"quiet must be between 0 and 1 (got {self.quiet:g}).")
        if self.snr_of not in SNR_DEFINITIONS:
            raise ValueError(f"snr_of must be one of {', '.join(SNR_DEFINITIONS)} (got {self.snr_of!r}).")
        if self.last not in LAST_CLIPS:
            raise ValueError(f"last must be one of {', '.join(LAST_CLIPS)} (got {self.last!r}).")
        if self.clip_samples < 0:
            raise ValueError(f"clips must have 1 sample or more (got {self.clip_samples}).")
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more (got {self.seed}).")
        if self.shares:
            parse_shares(self.shares)

    def settings(self) -> dict[str, Any]:
        """Everything that the files depend on but the recordings, as plain data."""
        plain = asdict(self)
        for spec, values in zip(self.noises, plain["noises"], strict=True):
            values["band_hz"] = list(spec.band_hz)
            if spec.is_recorded:
                values["name"] = Path(spec.name).resolve().as_posix()
                sizes = [(path.name, path.stat().st_size) for path in spec.recordings()]
                values["recordings"] = hashlib.sha256(repr(sizes).encode()).hexdigest()
        del plain["shares"]  # dealt anew by every run
        return plain | {name: list(plain[name]) for name in ("noises", "snr_db", "quiet_db")}


@dataclass
class NoisedFolder:
    """What `add_noise` made.

    Attributes:
        output: The folder.
        rows: Of its manifest.
        unreadable: Files that were left out, and the reasons.
    """

    output: Path
    rows: list[Row] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)


def add_noise(
    folder: Path,
    output: Path,
    job: NoiseJob,
    *,
    skip_unreadable: bool = False,
    progress: Callable[[float], contextlib.AbstractContextManager[Progress]] | None = None,
) -> NoisedFolder:
    """Write `output`/clean and `output`/noisy: a pair for each sound file of a folder, or for each clip.

    Files keep their relative path, channels, rate and length. Clean copies have the bytes of their files;
    for the format of the others see `write_pair`. The manifest tells what was mixed; `texts.txt` holds the
    transcripts of whole files that have one (see `find_transcript`). Every file appears in one step. A run
    that was stopped is continued, and new or changed files of the folder are added.

    Args:
        folder: Folder with sound files, or one file. It is only read.
        output: Folder; new, or one of the same job.
        job: What to add.
        skip_unreadable: Leave out files that cannot be read.
        progress: Makes a progress bar for so many bytes of input.

    Raises:
        FileNotFoundError, ValueError: No sound files there, `output` lies in `folder` or holds other files.
        AudioFileError: A file cannot be read.
        OSError: A file cannot be read or written; no incomplete file is left.
    """
    base, files = _find_files(folder, output)
    state = ResumableFolder(output, job.settings(), COLUMNS, "add-noise")
    done: dict[str, list[Row]] = {}
    for row in state.complete_rows():
        done.setdefault(row["original"], []).append(row)
    missing = []
    for path in files:
        rows = done.get(path.as_posix(), [])
        if not rows or not _is_current(rows, path):
            state.remove_files(done.pop(path.as_posix(), []))
            missing.append(path)
    result = NoisedFolder(output)
    writer = _FileWriter(base, output, job, _shared_stems(base, files))
    writer.claim(row for rows in done.values() for row in rows)
    with (progress or _no_progress)(float(sum(path.stat().st_size for path in missing))) as advance:
        for path in missing:
            try:
                rows = writer.pairs_of(path, advance)
            except AudioFileError as error:
                if not skip_unreadable:
                    raise
                result.unreadable.append((path, str(error)))
                continue
            done[path.as_posix()] = list(state.journalled(rows))
    result.rows = _with_splits(sorted((row for rows in done.values() for row in rows), key=_by_path), job)
    if result.rows:
        state.finish(result.rows)
        write_texts(output, _texts(result.rows))
    return result


def _by_path(row: Row) -> str:
    return row["path"]


def _find_files(folder: Path, output: Path) -> tuple[Path, list[Path]]:
    """The folder that names are relative to, and the sound files, absolute."""
    place = folder.resolve()
    if place.is_file():
        return place.parent, [place]
    if not place.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
    if output.resolve().is_relative_to(place):
        raise ValueError(f"output must not lie in the folder of the inputs, {folder} (got {output}).")
    files = list_audio(place)
    if not files:
        raise ValueError(f"folder must hold sound files (got {folder}).")
    return place, files


def _shared_stems(base: Path, files: Sequence[Path]) -> set[str]:
    """Names without extension that several files have, as a.wav and a.flac do."""
    counts = Counter(_stem(path, base) for path in files)
    return {stem for stem, count in counts.items() if count > 1}


def _stem(path: Path, base: Path) -> str:
    return path.relative_to(base).with_suffix("").as_posix().casefold()


def _is_current(rows: Sequence[Row], path: Path) -> bool:
    size = str(path.stat().st_size)
    return len(rows) == int(rows[0]["num_pairs"]) and all(row["original_bytes"] == size for row in rows)


def _with_splits(rows: Sequence[Row], job: NoiseJob) -> list[Row]:
    """Deal labels (first subfolders, or files that lie in none) into the splits."""
    if not job.shares:
        return [row | {"split": "train"} for row in rows]
    seconds: dict[str, float] = {}
    for row in rows:
        seconds[row["label"]] = seconds.get(row["label"], 0.0) + float(row["seconds"])
    splits = split_groups(seconds, parse_shares(job.shares), job.seed)
    return [row | {"split": splits[row["label"]]} for row in rows]


def _texts(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Names and texts of whole files with transcripts."""
    for row in rows:
        if row["is_whole"] == "yes" and (text := find_transcript(Path(row["original"]))):
            yield Path(row["noisy"]).stem, text


@contextlib.contextmanager
def _no_progress(total: float) -> Iterator[Progress]:
    yield lambda steps: None


class _FileWriter:
    """Writes all pairs of one file after the other.

    Args:
        base: Folder that names are relative to.
        output: Folder of the pairs.
        job: What to add.
        shared: Names without extension that several files have; their extension becomes part of the name
            where a copy has another one.
    """

    def __init__(self, base: Path, output: Path, job: NoiseJob, shared: set[str]) -> None:
        self._base, self._output, self._job, self._shared = base, output, job, shared
        self._owners: dict[str, str] = {}

    def claim(self, rows: Iterable[Row]) -> None:
        """Keep the names of pairs that are there already."""
        for row in rows:
            self._owners |= {row["path"]: row["original"], row["noisy"]: row["original"]}

    def pairs_of(self, path: Path, advance: Progress) -> list[Row]:
        """Write the pairs of a file and return their rows."""
        with FileReader(path) as reader:
            source = reader.format
        per_sample = path.stat().st_size / (source.num_samples or 1) / (2.0 + 2.0 * self._job.quiet)
        rows = []
        for number, (sound, start) in enumerate(self._sounds(path, source)):
            tag = "" if sound.is_whole else f"-{number:04d}"
            rng = np.random.default_rng((self._job.seed, _digest(path, self._base), number))
            copies = [(tag, self._plan(rng))]
            if rng.random() < self._job.quiet:
                by_db = float(rng.uniform(*self._job.quiet_db))
                copies.append((f"{tag}-quiet", replace(copies[0][1], gain_db=by_db)))
            for name, plan in copies:
                place = partial(self._place, path, name)
                pair = write_pair(sound, plan, place, lambda count: advance(count * per_sample))
                rows.append(self._row(pair, plan, sound, start))
        return [row | {"num_pairs": str(len(rows))} for row in rows]

    def _sounds(self, path: Path, source: AudioFormat) -> Iterator[tuple[Sound, int]]:
        """The whole file, or its clips, and where each begins, samples."""
        size = self._job.clip_samples
        if not size:
            yield Sound(path, source, partial(_finite_blocks, path), is_whole=True), 0
            return
        clip_format = replace(source, num_samples=size)
        for number, clip in enumerate(_clips(path, size)):
            if clip.shape[1] < size and self._job.last == "drop":
                return
            padded = np.pad(clip, ((0, 0), (0, size - clip.shape[1])))
            yield Sound(path, clip_format, partial(iter, (padded,)), is_whole=False), number * size

    def _plan(self, rng: Generator) -> NoisePlan:
        job = self._job
        spec = job.noises[int(rng.integers(len(job.noises)))]
        seed = (job.seed, int(rng.integers(2**32)))
        return NoisePlan(spec, seed, float(rng.uniform(*job.snr_db)), job.snr_of)

    def _place(self, path: Path, tag: str, role: str, suffix: str) -> Path:
        name = path.relative_to(self._base)
        is_shared = _stem(path, self._base) in self._shared and suffix != path.suffix
        name = name.with_name(f"{name.name if is_shared else name.stem}{tag}{suffix}")
        key = f"{role}/{name.as_posix()}"
        owner = self._owners.setdefault(key, path.as_posix())
        if owner != path.as_posix():
            raise ValueError(f"{owner} and {path} would both be written to {key}. Rename one of them.")
        place = self._output / key
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _row(self, pair: NoisedPair, plan: NoisePlan, sound: Sound, start: int) -> Row:
        rate, name = sound.format.sample_rate, sound.path.relative_to(self._base)
        values: dict[str, object] = {
            "path": pair.clean.relative_to(self._output).as_posix(),
            "kind": KIND,
            "split": "",
            "label": name.parts[0] if len(name.parts) > 1 else name.stem,
            "sample_rate": rate,
            "seconds": round(pair.num_samples / rate, 3),
            "license": "as its source",
            "source": "hushgate data add-noise",
            "noisy": pair.noisy.relative_to(self._output).as_posix(),
            "num_channels": sound.format.num_channels,
            "original": sound.path.as_posix(),
            "original_bytes": sound.path.stat().st_size,
            "start_s": round(start / rate, 6),
            "is_whole": "yes" if sound.is_whole else "no",
            "noises": "" if math.isnan(pair.noise_gain_db) else pair.noise,
            "noise_start_s": round(pair.noise_start_s, 6),
            "noise_gain_db": _figure(pair.noise_gain_db),
            "snr_of": plan.snr_of,
            "snr_db": _figure(plan.snr_db),
            "measured_snr_db": _figure(pair.measured_snr_db),
            "gain_db": _figure(plan.gain_db),
            "noisy_format": pair.noisy_format,
            "seed": self._job.seed,
        }
        return {key: str(value) for key, value in values.items()}


def _figure(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"


def _digest(path: Path, base: Path) -> int:
    """A number that depends on a file's relative path alone."""
    return int.from_bytes(hashlib.sha256(path.relative_to(base).as_posix().encode()).digest()[:8], "big")


def _finite_blocks(path: Path) -> Iterator[Block]:
    with FileReader(path) as reader:
        for block in reader.blocks(BLOCK_SIZE):
            yield replace_nonfinite(block)[0]


def _clips(path: Path, size: int) -> Iterator[Block]:
    """Consecutive clips of float32 (channels, size); the last one may be shorter."""
    parts: list[Block] = []
    count = 0
    for block in _finite_blocks(path):
        rest = block
        while count + rest.shape[1] >= size:
            parts.append(rest[:, : size - count])
            rest = rest[:, size - count :]
            yield np.concatenate(parts, axis=1)
            parts, count = [], 0
        if rest.shape[1]:
            parts.append(rest)
            count += rest.shape[1]
    if parts:
        yield np.concatenate(parts, axis=1)
