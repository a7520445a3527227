"""The commands for FFmpeg in docs/integrations.md, run by a shell on a film with real sound."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import hushgate

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "noisy_speech.flac"


def find_ffmpeg() -> str:
    """The program, of the system or of the package imageio-ffmpeg."""
    if found := shutil.which("ffmpeg"):
        return found
    package = pytest.importorskip("imageio_ffmpeg", reason="neither ffmpeg nor imageio-ffmpeg is installed")
    return str(package.get_ffmpeg_exe())


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_the_pipe_of_the_documentation_cleans_the_sound_of_a_film(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ffmpeg").symlink_to(find_ffmpeg())
    (programs / "hushgate").write_text(f'#!/bin/sh\nexec {sys.executable} -m hushgate "$@"\n')
    (programs / "hushgate").chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    def run(*command: str) -> bytes:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, b""), command
        return done.stdout

    speech, rate = soundfile.read(EXAMPLE, dtype="int16", frames=96_000)
    soundfile.write(tmp_path / "talk.wav", speech, rate)
    pictures = ["-f", "lavfi", "-i", "testsrc=duration=2:size=64x64:rate=10"]
    run("ffmpeg", "-loglevel", "error", *pictures, "-i", "talk.wav", "-c:a", "pcm_s16le", "talk.mkv")

    text = (ROOT / "docs" / "integrations.md").read_text()
    (recipe,) = re.findall(r"```bash\n(ffmpeg.*?)```", text, re.DOTALL)
    run("sh", "-ec", recipe)

    # Nobody hears ahead in a pipe.
    hushgate.render("voice", tmp_path / "talk.wav", tmp_path / "expected.wav", learn=False)
    expected, _ = soundfile.read(tmp_path / "expected.wav", dtype="int16")
    cleaned, cleaned_rate = soundfile.read(tmp_path / "talk.flac", dtype="int16")
    assert cleaned_rate == rate
    np.testing.assert_array_equal(cleaned, expected)
    checksums = ["-map", "0:v", "-c", "copy", "-f", "md5", "-"]
    assert run("ffmpeg", "-loglevel", "error", "-i", "clean.mkv", *checksums) == run(
        "ffmpeg", "-loglevel", "error", "-i", "talk.mkv", *checksums
    )
    decoded = run("ffmpeg", "-loglevel", "error", "-i", "clean.mkv", "-f", "s16le", "-")
    np.testing.assert_array_equal(np.frombuffer(decoded, np.int16), cleaned)
