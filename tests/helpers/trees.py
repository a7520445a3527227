"""Tiny corpora in the layouts of the real ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

RATE = 8_000


def sound(path: Path, seconds: float = 0.4, hz: float = 300.0, rate: int = RATE, level: float = 0.3) -> Path:
    """Write a tone, different for every name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    tone = level * np.sin(2 * np.pi * (hz + sum(str(path.name).encode()) % 97) * time)
    soundfile.write(path, tone, rate)
    return path


def librispeech(folder: Path) -> Path:
    inner = folder / "LibriSpeech"
    for subset, speakers in {"train-clean-100": 12, "dev-clean": 2, "test-clean": 2}.items():
        for speaker in range(speakers):
            name = str(100 + speaker + len(subset) * 20)
            for number in range(2):
                sound(inner / subset / name / "1240" / f"{name}-1240-{number:04}.flac", 0.3 + 0.3 * number)
            (inner / subset / name / "1240" / f"{name}-1240.trans.txt").write_text("text")
    (inner / "SPEAKERS.TXT").write_text("; speakers")
    return folder


def common_voice(folder: Path) -> Path:
    head = "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccents\tlocale\tsegment"
    number = 0
    everything = [head]
    for table, clients in {"train": 6, "dev": 2, "test": 2}.items():
        lines = [head]
        for client in range(clients):
            for _ in range(2):
                name = f"common_voice_en_{number}.mp3"
                sound(folder / "clips" / name, 0.5, rate=16_000)
                lines.append(f'{table}{client:03}{"f" * 60}\t{name}\tHe said "wait\t2\t0\t\t\t\ten\t')
                number += 1
        everything += lines[1:]
        (folder / f"{table}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "validated.tsv").write_text("\n".join(everything) + "\n", encoding="utf-8")
    return folder


def voxceleb1(folder: Path) -> Path:
    for speaker in (10_001, 10_002, 10_003, 10_004, 10_270, 10_271):
        for video in ("1zcIwhmdeo4", "7gWzIy6yIIk"):
            sound(folder / "wav" / f"id{speaker}" / video / "00001.wav")
    (folder / "veri_test.txt").write_text(
        "1 id10270/1zcIwhmdeo4/00001.wav id10270/7gWzIy6yIIk/00001.wav\n"
        "0 id10270/1zcIwhmdeo4/00001.wav id10271/1zcIwhmdeo4/00001.wav\n"
    )
    return folder


def urbansound8k(folder: Path) -> Path:
    lines = ["slice_file_name,fsID,start,end,salience,fold,classID,class"]
    for fold in range(1, 11):
        for number, name in enumerate(("dog_bark", "siren")):
            file = f"{fold * 100}-{number}-0-0.wav"
            sound(folder / "audio" / f"fold{fold}" / file)
            lines.append(f"{file},{fold * 100},0.0,0.4,1,{fold},{number},{name}")
    (folder / "metadata").mkdir()
    (folder / "metadata" / "UrbanSound8K.csv").write_text("\n".join(lines) + "\n")
    return folder


def esc50(folder: Path) -> Path:
    inner = folder / "ESC-50-master"
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in range(1, 6):
        for target, name, is_esc10 in ((0, "dog", True), (14, "chirping_birds", False)):
            file = f"{fold}-10003{fold}-A-{target}.wav"
            sound(inner / "audio" / file)
            lines.append(f"{file},{fold},{target},{name},{is_esc10},10003{fold},A")
    (inner / "meta").mkdir()
    (inner / "meta" / "esc50.csv").write_text("\n".join(lines) + "\n")
    return folder


def ms_snsd(folder: Path) -> Path:
    for speaker in range(234, 246):
        for number in (1, 3):
            sound(folder / "clean_train" / f"p{speaker}_{number:03}.wav")
    for number in (0, 10, 100):
        sound(folder / "clean_test" / f"clnsp{number}.wav")
    for name in ("AirConditioner", "Babble", "Typing"):
        for number in (1, 2, 3, 10):
            sound(folder / "noise_train" / f"{name}_{number}.wav", 0.9)
        sound(folder / "noise_test" / f"{name}_4.wav", 0.9)
    return folder


def voicebank_demand(folder: Path) -> Path:
    random = np.random.default_rng(0)
    for part, speakers in {
        "trainset_28spk_wav": ("p226", "p228", "p287", "p230"),
        "testset_wav": ("p232",),
    }.items():
        for speaker in speakers:
            for number in (1, 2):
                name = f"{speaker}_{number:03}.wav"
                clean, rate = soundfile.read(sound(folder / f"clean_{part}" / name, 0.8))
                noisy = clean + 0.05 * random.standard_normal(len(clean))
                (folder / f"noisy_{part}").mkdir(exist_ok=True)
                soundfile.write(folder / f"noisy_{part}" / name, noisy, rate)
    return folder


TREES: dict[str, Callable[[Path], Path]] = {
    "librispeech": librispeech,
    "common-voice": common_voice,
    "voxceleb1": voxceleb1,
    "urbansound8k": urbansound8k,
    "esc50": esc50,
    "ms-snsd": ms_snsd,
    "voicebank-demand": voicebank_demand,
}
