"""Mixtures written as files, with a manifest."""

from __future__ import annotations

import concurrent.futures
import functools
import hashlib
import json
import logging
import math
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hushgate.batching.workers.parent_watch import end_with_parent
from hushgate.training.config.mixture_schema import MixConfig
from hushgate.training.config.schema import Config
from hushgate.training.mixtures import augmentations
from hushgate.training.mixtures.full_band_mixer import make_mixer
from hushgate.training.mixtures.mixer import Mixer
from hushgate.training.mixtures.mixture_record import PartRecord
from hushgate.training.mixtures.resumable_folder import ResumableFolder, Row
from hushgate.training.recordings.atomic_files import write_audio
from hushgate.training.recordings.clips import list_clips
from hushgate.training.recordings.decoded_cache import read_clip
from hushgate.training.recordings.transcripts import find_transcript, write_texts

KIND = "mixture"
FORMATS = ("flac", "wav")
_HEADROOM = 0.999
_LATER_KEYS = {"snr_of": MixConfig.snr_of, "floor": MixConfig.floor}
_LOG = logging.getLogger(__name__)
COLUMNS = (
    "path", "kind", "split", "label", "sample_rate", "seconds", "license", "source", "noisy", "noise",
    "index", "seed", "targets", "noises", "snr_of", "snr_db", "measured_snr_db", "level_db", "gain_db",
    "changes", "parts",
)  # fmt: skip

Progress = Callable[[Iterable[Row], int], Iterable[Row]]


@dataclass(frozen=True)
class MixJob:
    """Settings of the mixtures to write.

    Args:
        config: Recordings and how to mix them.
        split: "train", "val" or "test".
        seed: Mixture number i of a seed is always the same.
        suffix: "flac" or "wav", 24 bit both.
        with_noise: Write the added noise, too.
    """

    config: Config
    split: str = "train"
    seed: int = 0
    suffix: str = "flac"
    with_noise: bool = False

    def __post_init__(self) -> None:
        if self.suffix not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)} (got {self.suffix!r}).")
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more (got {self.seed}).")

    def settings(self) -> dict[str, Any]:
        """Everything that the files depend on, as plain data; recordings by name and size."""
        digest = hashlib.sha256()
        for folder in self.config.data.folders:
            for clip in list_clips(Path(folder)):
                files = [clip.path, *([clip.noisy] if clip.noisy else [])]
                sizes = [path.stat().st_size for path in files]
                digest.update(repr((clip.name, clip.kind, clip.split, clip.label, sizes)).encode())
        data = self.config.data
        mix = json.loads(json.dumps(asdict(self.config.mix)))
        # Folders of older versions lack these keys.
        mix = {key: value for key, value in mix.items() if value != _LATER_KEYS.get(key)}
        settings = {
            "split": self.split,
            "seed": self.seed,
            "format": self.suffix,
            "noise": self.with_noise,
            "sample_rate": data.mixture_rate,
            "segment_s": data.segment_s,
            "mix": mix,
            "recordings": digest.hexdigest(),
        }
        # In full-band mixtures the level of the noise is that below half of this rate.
        return settings | ({"data.sample_rate": data.sample_rate} if data.mix_rate else {})


def write_mixtures(
    job: MixJob,
    output: Path,
    count: int,
    *,
    workers: int = 0,
    progress: Progress = lambda rows, _: rows,
) -> Path:
    """Write mixtures 0 to `count` - 1 into `output`/clean, /noisy and /noise, and their manifest.

    Every file appears in one step, and the manifest only when all are there. A run that was stopped is
    continued; one with a larger `count` adds to what is there.

    Args:
        job: Which mixtures.
        output: Folder; new, or one of the same job.
        count: How many.
        workers: Processes that mix; 0 mixes in this one. The files are the same.
        progress: Passes rows on and shows how many are left.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError, ValueError: Recordings are missing, or `output` holds another job's mixtures.
        OSError: A file cannot be written; no incomplete file is left.
    """
    if count < 1:
        raise ValueError(f"num must be 1 or more (got {count}).")
    if workers < 0:
        raise ValueError(f"workers must be 0 or more (got {workers}).")
    folder = ResumableFolder(output, job.settings(), COLUMNS, "mix")
    mixer = make_mixer(job.config.data, job.config.mix, job.split)
    rows = {int(row["index"]): row for row in folder.complete_rows()}
    missing = [index for index in range(count) if index not in rows]
    if len(missing) < count:
        _LOG.info("%s: %d of %d mixtures are there already", output, count - len(missing), count)
    new = folder.journalled(_written(job, mixer, output, missing, workers))
    rows |= {int(row["index"]): row for row in progress(new, len(missing))}
    ordered = [rows[index] for index in sorted(rows)]
    write_texts(output, _texts(ordered))
    return folder.finish(ordered)


def _texts(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Names and texts of mixtures whose targets are whole utterances with transcripts."""
    for row in rows:
        parts = sorted(json.loads(row.get("parts") or "[]"), key=lambda part: float(part["at_s"]))
        targets = [part for part in parts if part["role"] == "target"]
        texts = [find_transcript(Path(part["file"])) if part["is_whole"] else None for part in targets]
        if texts and all(texts):
            yield Path(row["noisy"]).stem, " ".join(filter(None, texts))


def _written(job: MixJob, mixer: Mixer, output: Path, indices: list[int], workers: int) -> Iterator[Row]:
    if not workers or len(indices) < 2:
        yield from (_write_one(job, mixer, output, index) for index in indices)
        return
    global _worker
    # Forked processes share the recordings in memory; spawned ones load them again.
    forks = "fork" in multiprocessing.get_all_start_methods()
    _worker = (job, mixer, output)
    executor = concurrent.futures.ProcessPoolExecutor(
        min(workers, len(indices)),
        multiprocessing.get_context("fork" if forks else "spawn"),
        _start_worker,
        (job, output, not forks),
    )
    try:
        yield from executor.map(_work, indices)
    finally:
        executor.shutdown(cancel_futures=True)
        _worker = None


_worker: tuple[MixJob, Mixer, Path] | None = None


def _start_worker(job: MixJob, output: Path, loads: bool) -> None:
    global _worker
    # Ctrl-C reaches all processes; the parent decides when the workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()
    if loads:
        _worker = (job, make_mixer(job.config.data, job.config.mix, job.split), output)


def _work(index: int) -> Row:
    assert _worker is not None
    job, mixer, output = _worker
    return _write_one(job, mixer, output, index)


def _write_one(job: MixJob, mixer: Mixer, output: Path, index: int) -> Row:
    mixture = mixer.mixture(job.seed, index)
    record, rate = mixture.record, mixer.rate
    sounds = {"clean": mixture.clean, "noisy": mixture.noisy}
    if job.with_noise:
        sounds["noise"] = mixture.noisy - mixture.clean
    # One gain for all files, so that clean plus noise still equals noisy.
    peak = max(float(np.max(np.abs(sound), initial=0.0)) for sound in sounds.values())
    gain = min(1.0, _HEADROOM / peak) if peak else 1.0
    names = {}
    for folder, sound in sounds.items():
        names[folder] = f"{folder}/{index:07d}.{job.suffix}"
        write_audio(output / names[folder], sound * np.float32(gain), rate, "PCM_24")
    added_db = augmentations.level_db(mixture.noisy - mixture.clean)
    clean_db = augmentations.level_db(mixture.clean)
    both = min(added_db, clean_db) > -170.0
    if job.config.mix.snr_of == "active":
        clean_db = augmentations.active_level_db(mixture.clean, rate)
    record.scale(gain)
    values: dict[str, object] = {
        "path": names["clean"],
        "kind": KIND,
        "split": job.split,
        "label": record.targets[0] if record.targets else "",
        "sample_rate": rate,
        "seconds": round(len(mixture.clean) / rate, 3),
        "license": "as its sources",
        "source": "hushgate data mix",
        "noisy": names["noisy"],
        "noise": names.get("noise", ""),
        "index": index,
        "seed": job.seed,
        "targets": ";".join(record.targets),
        "noises": ";".join(record.noises),
        "snr_of": job.config.mix.snr_of,
        "snr_db": "" if np.isnan(record.snr_db) else round(record.snr_db, 3),
        "measured_snr_db": round(clean_db - added_db, 3) if both else "",
        "level_db": round(record.level_db, 3),
        "gain_db": round(20.0 * float(np.log10(gain)), 3),
        "changes": ";".join(record.changes),
        "parts": json.dumps([_plain(part, rate) for part in record.parts]),
    }
    return {name: str(values[name]) for name in COLUMNS}


def _plain(part: PartRecord, sample_rate: int) -> dict[str, object]:
    """A part as plain data, with its gain from the file's own samples."""
    full_scale_db = 0.0 if part.path is None else _full_scale_gain_db(part.path, sample_rate)
    return {
        "role": part.role,
        "name": part.name,
        "file": "" if part.path is None else part.path.resolve().as_posix(),
        "start_s": round(part.start_s, 6),
        "at_s": round(part.at_s, 6),
        "seconds": round(part.seconds, 6),
        "speed": round(part.speed, 6),
        "is_whole": part.is_whole,
        "gain_db": round(part.gain_db + full_scale_db, 4),
    }


@functools.lru_cache(maxsize=65_536)
def _full_scale_gain_db(path: Path, sample_rate: int) -> float:
    """Gain that brings a recording's peak to full scale, as pools of recordings do, dB."""
    peak = float(np.max(np.abs(read_clip(path, sample_rate)), initial=1e-9))
    return -20.0 * math.log10(peak)
