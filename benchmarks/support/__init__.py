"""Modules that the benchmark scripts share, and where the files of the repository are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "noisy_speech.flac"
IMAGES = ROOT / "docs" / "images"
