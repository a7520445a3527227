"""Published figures against what the shipped files give, each within its stated tolerance.

python benchmarks/support/claims.py           # figures that need no recordings; commands of the others
python benchmarks/support/claims.py --list    # the same, without checking

Exit status 1 if a figure is off. Figures that come from recordings are listed with the command on their page
that measures them; they are not checked here.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import hushgate
from hushgate.engine import BlockDenoiser, load_model
from hushgate.engine import models as model_folder

ROOT = Path(__file__).resolve().parents[2]
CARDS = Path(model_folder.__file__).parent
MODELS = ("voice", "music", "guitar")
# Frames have lengths that transform quickly at each sample rate: 46.4 ms are 46.67 at 48 kHz.
_ROUNDED_MS = 0.5
# onnxruntime's kernels differ between processors, and the summary rounds.
_SOUND_DB = 0.15
EXAMPLE = ROOT / "examples" / "noisy_speech.flac"
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
    return found


def recorded_commands() -> Iterator[tuple[str, str]]:
    """Pages, and the commands on them that measure figures from recordings."""
    for page in (*PAGES, *(f"engine/models/{name}.md" for name in MODELS)):
        text = (ROOT / page).read_text(encoding="utf-8")
        for command in dict.fromkeys(re.findall(r"python benchmarks/\w+\.py[^`\n#|]*--data[^`\n#|]*", text)):
            yield page, command.strip()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="name the figures, check none")
    args = parser.parse_args(arguments)
    off = 0
    for claim in claims():
        try:
            published = claim.published()
        except ValueError as error:
            print(f"off   {error}", file=sys.stderr)
            off += 1
            continue
        line = f"{claim.page}: {claim.what} {published:,g} {claim.unit}".rstrip()
        if args.list:
            print(line)
            continue
        measured = claim.measure()
        is_off = abs(measured - published) > claim.tolerance
        off += is_off
        print(f"{'off  ' if is_off else 'right'} {line}, measured {measured:,g}, within {claim.tolerance:g}")
    recorded = list(recorded_commands())
    print(
        "\nNot checked, from recordings that are not in the repository; each table stands below its command:"
    )
    for page, command in recorded:
        print(f"{page}: {command}")
    print(f"\n{len(claims())} figures, {off} off; {len(recorded)} commands with recordings, not run.")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
