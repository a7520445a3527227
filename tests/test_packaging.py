"""What gets installed, and with which versions. The built wheel itself is checked by .ci/check_wheel.py."""

from __future__ import annotations

import importlib.metadata
import re
import runpy
import tomllib
import zipfile
from pathlib import Path

import pytest

import hushgate

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = {"plugin": "hushgate", "engine": "hushgate.engine", "presets": "hushgate.presets"}
FOLDERS["training"] = "hushgate.training"


def requirement_names(requirements: list[str]) -> set[str]:
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}  # type: ignore[index]
    return {name.lower().replace("_", "-") for name in names} - {"hushgate"}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_every_folder_with_modules_is_a_declared_package() -> None:
    found = set()
    for folder, package in FOLDERS.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            parts = init.parent.relative_to(ROOT / folder).parts
            found.add(".".join([package, *parts]))
    assert found == set(PROJECT["tool"]["setuptools"]["packages"])


def test_no_module_lies_outside_a_package() -> None:
    for folder in FOLDERS:
        for module in (ROOT / folder).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), module


def test_a_wheel_that_lacks_a_file_is_refused(tmp_path: Path) -> None:
    speech = "training/adapting/speech"
    tree = ("plugin/py.typed", "engine/models/voice.md", f"{speech}/speech.opus", f"{speech}/README.md")
    for file in tree:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    check = runpy.run_path(str(ROOT / ".ci" / "check_wheel.py"))["check_contents"]
    wheel = tmp_path / "hushgate.whl"
    names = ["hushgate/py.typed", "hushgate/engine/models/voice.md", f"hushgate/{speech}/speech.opus"]
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in names[:-1]:
            archive.writestr(name, b"")
    with pytest.raises(SystemExit, match=rf"hushgate\.whl lacks {names[-1]}$"):
        check(wheel, tmp_path)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr(names[-1], b"")
    check(wheel, tmp_path)


def test_all_requirements_are_pinned_exactly() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = requirement_names(
        [*PROJECT["project"]["dependencies"], *(r for e in extras.values() for r in e)]
    )
    assert wanted <= pins().keys()
    # With a local version (+cpu) only one build would satisfy it; torch from PyPI is gigabytes of CUDA.
    assert pins()["torch"] == "2.13.0"


def test_pins_are_what_the_tests_run_with() -> None:
    for name, version in pins().items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here
        assert installed.partition("+")[0] == version, name


def test_a_plain_installation_does_not_bring_torch() -> None:
    required = importlib.metadata.requires("hushgate") or []
    plain = [requirement for requirement in required if "extra ==" not in requirement]
    assert requirement_names(plain) == requirement_names(PROJECT["project"]["dependencies"])
    assert not {"torch", "lightning", "onnx", "scipy"} & requirement_names(plain)


def test_dev_includes_train() -> None:
    (included,) = (r for r in PROJECT["project"]["optional-dependencies"]["dev"] if r.startswith("hushgate["))
    assert "train" in included


@pytest.mark.parametrize("group", ["hushgate.commands", "console_scripts"])
def test_entry_points_can_be_loaded(group: str) -> None:
    points = [
        point for point in importlib.metadata.entry_points(group=group) if point.value.startswith("hushgate")
    ]
    assert points
    for point in points:
        assert callable(point.load())


def test_the_installed_command_begins_as_python_m_hushgate_does() -> None:
    # Not with `main`, before which Ctrl-C would print a traceback while modules load.
    assert PROJECT["project"]["scripts"]["hushgate"] == "hushgate.__main__:run"


def test_the_installed_package_is_the_one_under_test() -> None:
    home = Path(hushgate.__file__).parent
    assert home.name == "hushgate" or home == ROOT / "plugin"  # a normal or an editable installation
    assert (home / "py.typed").exists()


def test_changelog_begins_with_what_is_unreleased() -> None:
    sections = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert sections[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", section) for section in sections[1:])


def test_the_package_page_leads_nowhere_inside_the_tree() -> None:
    """It is shown by package indexes, where a relative link or image has no target."""
    name = PROJECT["project"]["readme"]
    targets = re.findall(r"\]\(([^)]+)\)", (ROOT / name).read_text())
    assert [target for target in targets if not target.startswith("https://")] == []
    extras = set(re.findall(r"`([a-z]+)`", (ROOT / name).read_text()))
    assert set(PROJECT["project"]["optional-dependencies"]) - {"dev", "bench", "hosts"} <= extras


def test_one_version_everywhere() -> None:
    native = tomllib.loads((ROOT / "native" / "pyproject.toml").read_text())["project"]["version"]
    recipe = re.search(r'version: "(.*)"', (ROOT / "packaging" / "conda" / "recipe.yaml").read_text())
    assert recipe is not None
    assert {PROJECT["project"]["version"], native, recipe[1], hushgate.__version__} == {hushgate.__version__}


def test_the_conda_recipe_needs_what_the_package_needs() -> None:
    recipe = (ROOT / "packaging" / "conda" / "recipe.yaml").read_text()
    needed = re.findall(r"^    - ([\w-]+) >=([\d.]+)", recipe.partition("  run:")[2], re.MULTILINE)
    found = {f"{name.replace('pysoundfile', 'soundfile')}>={version}" for name, version in needed}
    assert found - {f"python{PROJECT['project']['requires-python']}"} == set(
        PROJECT["project"]["dependencies"]
    )
