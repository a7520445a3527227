"""What a graphics card brings: training throughput against two cores, what limits it, and inference speed.

python benchmarks/hardware/cuda.py                          # card and processor; under 10 minutes
python benchmarks/hardware/cuda.py --device cpu --seconds 2 # the processor alone, a quick look

It needs no recordings: it makes noise of its own. PyTorch with CUDA is needed for training on the card, and
onnxruntime-gpu for inference there; what is missing is skipped with its reason.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

CORES = 2
DEVICES = ("cpu", "cuda")
CONFIGS = ("voice", "music", "unet_speech_22k")
MODELS = ("voice", "music", "guitar")
CHANNELS = (1, 16)
BLOCKS = (4_096, 262_144)
_SOUND_S = 60.0
_MIX = (
    'mix.targets=[{kind="speech"}]',
    'mix.noises=[{kind="noise"}]',
    "mix.room=0.0",
    'mix.room_kind=""',
)
_NUM_FILES, _FILE_S = 6, 20.0
_WARM_UP = 3


@dataclass(frozen=True)
class Training:
    """Steps of a shipped configuration with its own batch, on mixtures that are in memory already.

    Attributes:
        config: Name of the configuration.
        device: "cpu" (two threads) or "cuda".
        examples_per_s: Examples that the network learns from in a second.
        mixed_per_s: Examples that one core mixes in a second.
        memory_gib: Most memory of the card that was in use; 0.0 on the processor.
    """

    config: str
    device: str
    examples_per_s: float
    mixed_per_s: float
    memory_gib: float

    @property
    def limit(self) -> str:
        """What a training with mixtures made as it goes waits for."""
        cores = self.examples_per_s / self.mixed_per_s
        if cores <= 1.0:
            return f"the network ({cores:.2f} cores mix for it)"
        return f"mixing (train.workers = {int(np.ceil(cores))} keeps it busy)"


@dataclass(frozen=True)
class Inference:
    """Seconds of sound, all channels together, that a shipped model cleans in a second."""

    model: str
    device: str
    num_channels: int
    block: int
    times_real_time: float


def recordings(folder: Path) -> None:
    """Noise as speech and as noise, with a manifest."""
    rng = np.random.default_rng(0)
    lines = ["path,kind,split,label"]
    for kind in ("speech", "noise"):
        (folder / kind).mkdir(parents=True)
        for number in range(_NUM_FILES):
            sound = 0.1 * rng.standard_normal(round(_FILE_S * 44_100))
            # Bursts: parts in which nothing sounds are passed over by the mixer.
            sound *= np.repeat(rng.uniform(0.2, 1.0, len(sound) // 4_410 + 1), 4_410)[: len(sound)]
            name = f"{kind}/{number}.wav"
            soundfile.write(folder / name, sound.astype(np.float32), 44_100)
            lines.append(f"{name},{kind},{'val' if number == 0 else 'train'},{number}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure_training(name: str, device: str, data: Path, seconds: float) -> Training:
    """Throughput of one configuration.

    Raises:
        RuntimeError: The card runs out of memory or fails.
    """
    import torch

    from hushgate.training.config.schema import load_config, shipped_config
    from hushgate.training.fitting.denoising_module import DenoisingModule
    from hushgate.training.mixtures.dataset import MixtureDataset
    from hushgate.training.mixtures.full_band_mixer import make_mixer

    mix = [f"data.folders={json.dumps([str(data)])}", *_MIX]
    config = load_config(shipped_config(name), mix)
    mixing = MixtureDataset(make_mixer(config.data, config.mix, "train"), 0, 1_000_000)
    examples = [mixing[number] for number in range(config.train.batch_size)]
    _, mixed_s = _timed(lambda: mixing[int(time.monotonic_ns() % 900_000)], seconds / 2.0)

    torch.set_num_threads(CORES)
    module = DenoisingModule(config).to(device).train()
    parameters = [one for one in module.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    noisy, clean = (torch.stack(parts).to(device) for parts in zip(*examples, strict=True))

    def step() -> None:
        optimizer.zero_grad()
        module.assess(noisy, clean).loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    _, step_s = _timed(step, seconds)
    memory = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else 0.0
    return Training(name, device, config.train.batch_size / step_s, 1.0 / mixed_s, memory)


def measure_inference(model: str, device: Any, num_channels: int, block: int, seconds: float) -> Inference:
    """Speed of a model on a recording in memory, each channel with a mask of its own.

    Raises:
        hushgate.EngineError: It cannot run on the device.
    """
    from hushgate import Denoiser

    denoiser = Denoiser(model, device=device, engine="onnx", channel_link="independent")
    rate = 48_000
    sound = np.random.default_rng(0).standard_normal((num_channels, round(_SOUND_S * rate)), np.float32)
    sound = sound[:, : max(block, round(_SOUND_S * rate / num_channels))] * np.float32(0.1)
    _, passed_s = _timed(lambda: denoiser(sound, rate, buffer_size=block), seconds)
    return Inference(model, device, num_channels, block, sound.size / rate / passed_s)


def _timed(call: Callable[[], object], seconds: float) -> tuple[int, float]:
    """Calls made in about so many seconds after a warm-up, and the mean time of one."""
    started = time.perf_counter()
    for _ in range(_WARM_UP):
        call()
        if time.perf_counter() - started > seconds:
            break
    count, started = 0, time.perf_counter()
    while count == 0 or time.perf_counter() - started < seconds:
        call()
        count += 1
    return count, (time.perf_counter() - started) / count


def why_not(device: str) -> tuple[str | None, str | None]:
    """Why training and inference cannot run on a device; None where they can."""
    if device == "cpu":
        return None, None
    try:
        import torch

        training = None if torch.cuda.is_available() else f"PyTorch {torch.__version__} finds no card"
    except ImportError as error:
        training = str(error)
    from hushgate.engine import EngineError, load_model

    try:
        load_model("voice", device="cuda")
    except EngineError as error:
        return training, str(error)
    return training, None


def report(training: Sequence[Training], inference: Sequence[Inference]) -> str:
    """Both tables."""
    lines = [
        "| training | device | examples/s | mixed by one core, examples/s | limited by | card memory, GiB |",
        "|---|---|---:|---:|---|---:|",
    ]
    lines += [
        f"| `{one.config}` | {one.device} | {one.examples_per_s:.1f} | {one.mixed_per_s:.1f} "
        f"| {one.limit} | {one.memory_gib:.1f} |"
        for one in training
    ]
    lines += [
        "",
        "| inference | device | channels | block, samples | times real time |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| `{one.model}` | {one.device} | {one.num_channels} | {one.block} | {one.times_real_time:.0f} |"
        for one in inference
    ]
    return "\n".join(lines) + "\n"


def machine() -> dict[str, str]:
    """What it was measured on."""
    import onnxruntime

    found = {"onnxruntime": onnxruntime.__version__, "cores": str(os.cpu_count())}
    try:
        import torch
    except ImportError:
        return found
    found["torch"] = torch.__version__
    if torch.cuda.is_available():
        found["card"] = torch.cuda.get_device_name()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", action="append", choices=DEVICES, help="default: both; repeatable")
    parser.add_argument("--config", action="append", help=f"default: {', '.join(CONFIGS)}; repeatable")
    parser.add_argument("--model", action="append", help=f"default: {', '.join(MODELS)}; repeatable")
    parser.add_argument(
        "--seconds", type=float, default=8.0, help="of each measurement (default 8: 6 minutes in all)"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args(arguments)
    training: list[Training] = []
    inference: list[Inference] = []
    with tempfile.TemporaryDirectory(prefix="hushgate-cuda-") as folder:
        recordings(Path(folder) / "data")
        for device in args.device or DEVICES:
            no_training, no_inference = why_not(device)
            for what, reason in (("training", no_training), ("inference", no_inference)):
                if reason:
                    print(f"{what} on {device} skipped: {reason}", file=sys.stderr)
            if no_training is None:
                for name in args.config or CONFIGS:
                    training.append(measure_training(name, device, Path(folder) / "data", args.seconds))
            if no_inference is None:
                inference += [
                    measure_inference(model, device, channels, block, args.seconds)
                    for model in args.model or MODELS
                    for channels in CHANNELS
                    for block in BLOCKS
                ]
    text = report(training, inference)
    print(", ".join(f"{name} {value}" for name, value in machine().items()) + "\n")
    print(text)
    if args.json:
        content = {
            "machine": machine(),
            "training": [asdict(one) | {"limit": one.limit} for one in training],
            "inference": [asdict(one) for one in inference],
        }
        args.json.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return 0 if training or inference else 1


if __name__ == "__main__":
    raise SystemExit(main())
