"""Published figures against what the shipped files give, each within its stated tolerance.

python benchmarks/support/claims.py                        # figures of the shipped files, in seconds
python benchmarks/support/claims.py --run --data DATA      # also those that commands of minutes measure anew
python benchmarks/support/claims.py --run --only tuner.md  # those of one page
python benchmarks/support/claims.py --list                 # all of them, without checking

Exit status 1 if a figure is off. DATA is a folder with a manifest of speech and noise, of both packs; tables
that were published with LibriSpeech, the Picovoice benchmarks and ESC-10 alone take only these of it. What
cannot run on a machine is named and counts as neither. Commands on pages that are not run are listed with the
reason.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import hushgate
from hushgate.engine import BlockDenoiser, load_model
from hushgate.engine import models as model_folder

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import EXAMPLE, ROOT
from support.published.rerun_list import reason, rerun_claims
from support.published.reruns import Bench, Cell, Line, NotHere

CARDS = Path(model_folder.__file__).parent
MODELS = ("voice", "music", "guitar")
BASELINES = ("conv_ae", "conv_vae", "unet", "unet_22k", "latent_ae", "wave_ae")
# Frames have lengths that transform quickly at each sample rate: 46.4 ms are 46.67 at 48 kHz.
_ROUNDED_MS = 0.5
# onnxruntime's kernels differ between processors, and the summary rounds.
_SOUND_DB = 0.15
PAGES = (
    "README.md",
    *(f"docs/{path.name}" for path in sorted(ROOT.glob("docs/*.md"))),
)


@dataclass(frozen=True)
class Claim:
    """A figure on a page.

    Attributes:
        page: File, relative to the repository.
        what: What the figure says.
        pattern: Finds it; the first group is the figure.
        measure: Gives it anew.
        tolerance: Largest difference, in the figure's unit.
        unit: Of the figure, for the table.
    """

    page: str
    what: str
    pattern: str
    measure: Callable[[], float]
    tolerance: float
    unit: str = ""

    def published(self) -> float:
        """The figure on the page.

        Raises:
            ValueError: The page does not have it.
        """
        found = re.search(self.pattern, (ROOT / self.page).read_text(encoding="utf-8"))
        if found is None:
            raise ValueError(f"{self.page} has no figure for: {self.what} ({self.pattern}).")
        return float(found[1].replace(",", ""))


def parameters(name: str) -> float:
    """Parameters of a shipped file."""
    return float(load_model(name).info.num_parameters)


def latency_ms(name: str) -> float:
    """Latency of a shipped model at 48 kHz, ms, as the engine reports it."""
    engine = BlockDenoiser(name)
    engine.prepare(48_000, 4_800, 1)
    return 1000.0 * engine.latency_samples / 48_000


def megabytes(name: str) -> float:
    """Size of a shipped file, MB."""
    return (CARDS / f"{name}.onnx").stat().st_size / 1e6


def trained_parameters(name: str) -> float:
    """Parameters of the network of a shipped configuration."""
    import torch

    from hushgate.training.config.schema import load_config, shipped_config
    from hushgate.training.models import build_model

    with torch.device("meta"):
        network = build_model(load_config(shipped_config(name)).model)
    return float(sum(one.numel() for one in network.parameters()))


def file_format(name: str) -> float:
    """Format version of a shipped file."""
    return float(load_model(name).info.format_version)


@functools.cache
def example_summary() -> dict[str, str]:
    """What the summary says of the example voice, cleaned by `voice`."""
    with tempfile.TemporaryDirectory(prefix="hushgate-claims-") as folder:
        rendered = hushgate.render(hushgate.Denoiser("voice"), EXAMPLE, Path(folder) / "clean.flac")
    return dict(rendered.summary.lines())


def example_figure(name: str, pattern: str) -> float:
    """A figure of that summary."""
    found = re.search(pattern, example_summary()[name])
    if found is None:
        raise ValueError(f"the summary's {name} has no {pattern} ({example_summary()[name]!r}).")
    return float(found[1])


def _example_claims() -> Iterator[Claim]:
    after = r"-> (-[\d.]+) dBFS"
    for name, pattern in (
        ("noise floor", after),
        ("noise floor", r"\(([\d.]+) dB lower"),
        ("target", r"level ([-+][\d.]+) dB"),
        ("level", after),
        ("peak", after),
    ):
        measure = partial(example_figure, name, pattern)
        yield Claim("docs/summary.md", f"example: {name}", rf"{name} .*{pattern}", measure, _SOUND_DB, "dB")


def claims() -> list[Claim]:
    """Every figure that can be checked without recordings."""
    found = [
        Claim(
            "README.md", f"{name}: latency", rf"`{name}` ([\d.]+) ms", partial(latency_ms, name),
            _ROUNDED_MS + 0.5, "ms",
        )
        for name in MODELS
    ]  # fmt: skip
    found += _example_claims()
    for name in MODELS:
        card = f"engine/models/{name}.md"
        found += [
            Claim(card, f"{name}: parameters", r"([\d,]+) parameters", partial(parameters, name), 0.0),
            Claim(
                card, f"{name}: latency", r"frame: ([\d.]+) ms", partial(latency_ms, name), _ROUNDED_MS, "ms"
            ),
            Claim(card, f"{name}: file", r"([\d.]+) MB", partial(megabytes, name), 0.05, "MB"),
            Claim(card, f"{name}: format", r"format (\d)", partial(file_format, name), 0.0),
            Claim(
                "docs/families.md", f"{name}: parameters", rf"\| `{name}` \| ([\d,]+) \|",
                partial(parameters, name), 0.0,
            ),
            Claim(
                "docs/families.md", f"{name}: latency", rf"\| `{name}` \|(?:[^|\n]+\|){{3}} ([\d.]+) ms",
                partial(latency_ms, name), _ROUNDED_MS + 0.5, "ms",
            ),
        ]  # fmt: skip
    if find_spec("torch") is not None:
        found += [
            Claim(
                "docs/families.md", f"{name}: parameters", rf"\| `{name}` \| ([\d,]+) \|",
                partial(trained_parameters, name), 0.0,
            )
            for name in BASELINES
        ]  # fmt: skip
    return found


def page_commands() -> Iterator[tuple[str, str]]:
    """Pages, and the commands on them that measure something."""
    for page in (*PAGES, *(f"engine/models/{name}.md" for name in MODELS)):
        text = (ROOT / page).read_text(encoding="utf-8")
        pattern = r"python (?:-m (?:support|tests)[\w.]+|benchmarks/[\w/]+\.py)[^`\n#]*"
        for command in dict.fromkeys(re.findall(pattern, text)):
            if "claims.py" not in command:
                yield page, command.strip()


def check(claim: Claim | Cell | Line, bench: Bench) -> tuple[str, str]:
    """Compare a figure with the page; "right", "off" or "not here", and what was found."""
    try:
        published = claim.published()
        line = f"{claim.page}: {claim.what} {published:,.10g} {claim.unit}".rstrip()
        measured = claim.measure() if isinstance(claim, Claim) else claim.measure(bench)
    except NotHere as missing:
        return "not here", f"{line} ({missing})"
    except ValueError as error:
        return "off", f"{claim.page}: {error}"
    verdict = "right" if abs(measured - published) <= claim.tolerance + 1e-9 else "off"
    return verdict, f"{line}, measured {measured:,.6g}, within {claim.tolerance:g}"


def _command(claim: Claim | Cell | Line) -> str:
    return "" if isinstance(claim, Claim) else " ".join(claim.words)


def build_parser() -> argparse.ArgumentParser:
    """Flags of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="name the figures, check none")
    parser.add_argument("--run", action="store_true", help="also run the commands that take minutes")
    parser.add_argument("--data", type=Path, help="speech and noise with a manifest, for --run")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="figures whose page, name or command has this text"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(arguments)
    bench = Bench(args.data)
    found = [*claims(), *(rerun_claims() if args.run or args.list else [])]
    found = [claim for claim in found if args.only in f"{claim.page}: {claim.what} {_command(claim)}"]
    counts: Counter[str] = Counter()
    for claim in found:
        if args.list:
            print(f"{claim.page}: {claim.what} {claim.published():,.10g} {claim.unit}".rstrip())
            continue
        verdict, line = check(claim, bench)
        counts[verdict] += 1
        print(f"{verdict:<5} {line}", file=sys.stderr if verdict == "off" else sys.stdout, flush=True)
    print("\nCommands on pages:")
    for page, command in page_commands():
        print(f"{page}: {command} ({reason(command)})")
    print(f"\n{len(found)} figures, {counts['off']} off, {counts['not here']} not measured here.")
    return 1 if counts["off"] else 0


if __name__ == "__main__":
    sys.exit(main())
