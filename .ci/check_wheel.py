"""Build the wheel, install it alone in a clean environment and clean a real file with it.

The editable install of a developer sees every file of the tree; a user gets only what the
wheel carries. So this checks the wheel: every file of the packages' folders is inside,
nothing else of the repository is, torch is not installed with it, and it denoises.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command; its failure ends the check with what it printed."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}exit status {done.returncode}")
    return done.stdout


def copy_sources(target: Path) -> None:
    """Copy the files git knows or would add: stale build folders never reach the wheel."""
    listing = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())


def packaged_files(sources: Path) -> set[str]:
    """Names in the wheel of every file in the folders of the packages, modules and data alike."""
    project = tomllib.loads((sources / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        f"{package.replace('.', '/')}/{path.relative_to(sources / folder).as_posix()}"
        for package, folder in project["tool"]["setuptools"]["package-dir"].items()
        for path in (sources / folder).rglob("*")
        # These say how files beside them were made, to those who have the tree.
        if path.is_file() and path.name != "README.md"
    }


def check_contents(wheel: Path, sources: Path) -> None:
    """Every file of the packages' folders is in the wheel, and nothing lies outside the package."""
    names = zipfile.ZipFile(wheel).namelist()
    if missing := packaged_files(sources) - set(names):
        sys.exit(f"{wheel.name} lacks {', '.join(sorted(missing))}")
    strangers = [name for name in names if not name.startswith(("hushgate/", "hushgate-"))]
    if strangers:
        sys.exit(f"{wheel.name} carries files outside the package: {strangers}")


def check_installed(python: Path, work: Path) -> None:
    """The installed wheel has no torch, lists its models and cleans the example."""
    probe = "import importlib.util as u; print(u.find_spec('torch') is None, u.find_spec('hushgate').origin)"
    torch_is_absent, origin = run(python, "-c", probe, cwd=work).split(maxsplit=1)
    if torch_is_absent != "True":
        sys.exit("installing the wheel without extras brought torch")
    if Path(origin).is_relative_to(ROOT):
        sys.exit(f"the clean environment imports hushgate from the repository ({origin.strip()})")

    hushgate = python.parent / "hushgate"
    shipped = {model["name"] for model in json.loads(run(hushgate, "models", "--json", cwd=work))}
    in_tree = {path.stem for path in (ROOT / "engine" / "models").glob("*.onnx")}
    if shipped != in_tree:
        sys.exit(f"hushgate models lists {sorted(shipped)}, the tree holds {sorted(in_tree)}")

    example = next(path for path in sorted((ROOT / "examples").iterdir()) if path.stem.startswith("noisy"))
    cleaned = work / f"cleaned{example.suffix}"
    print(run(hushgate, "denoise", example, "-o", cleaned, cwd=work), end="")
    if cleaned.stat().st_size == 0:
        sys.exit("hushgate denoise wrote an empty file")


def main() -> None:
    """Build, install and try the wheel; exit with one line when something is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sources = work / "sources"
        copy_sources(sources)
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", work, sources, cwd=work)
        wheel = next(work.glob("hushgate-*.whl"))
        check_contents(wheel, sources)

        venv.create(work / "venv", with_pip=True)
        python = work / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        run(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel, cwd=work)
        check_installed(python, work)
        print(f"{wheel.name}: complete, works without torch")


if __name__ == "__main__":
    main()
