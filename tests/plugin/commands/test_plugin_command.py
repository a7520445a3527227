"""`hushgate plugin`: building needs sources, installing needs plugins, and nothing is left half copied."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hushgate.commands import main as cli


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own, with a built plugin of each format."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    built = tmp_path / ".local" / "share" / "hushgate" / "plugins"
    for name in ("hushgate.vst3/Contents/x86_64-linux/hushgate.so", "hushgate.lv2/manifest.ttl"):
        (built / name).parent.mkdir(parents=True)
        (built / name).write_text("new")
    (built / "hushgate.clap").write_text("new")
    return tmp_path


def test_install_copies_to_where_hosts_look_and_replaces_older_copies(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = home / ".vst3" / "hushgate.vst3" / "Contents" / "stale.so"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    assert cli.main(["plugin", "install"]) == 0
    assert (
        home / ".vst3" / "hushgate.vst3" / "Contents" / "x86_64-linux" / "hushgate.so"
    ).read_text() == "new"
    assert not old.exists()
    assert (home / ".clap" / "hushgate.clap").read_text() == "new"
    assert (home / ".lv2" / "hushgate.lv2" / "manifest.ttl").read_text() == "new"
    assert cli.main(["plugin", "install"]) == 0  # over itself
    for folder in (".vst3", ".clap", ".lv2"):
        assert [path.name for path in (home / folder).iterdir()] == [f"hushgate{folder}"]
    capsys.readouterr()
    assert cli.main(["plugin", "list"]) == 0
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert words == ["built"] * 3 + ["installed"] * 3


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed hushgate-native with a CLAP and a core for the web; nothing was built here."""
    package = tmp_path / "hushgate_native_with_plugins"
    (package / "plugins").mkdir(parents=True)
    (package / "plugins" / "hushgate.clap").write_text("packaged")
    (package / "hushgate.wasm").write_text("packaged")
    (package / "__init__.py").write_text(
        "from pathlib import Path\ndef library_path(): return Path(__file__).with_name('libhushgate.so')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, package.name, raising=False)  # another test's
    monkeypatch.setattr("hushgate.engine.native.package.PACKAGE", package.name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return package


def test_plugins_of_the_distribution_are_used_where_none_were_built(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["plugin", "path", "clap"]) == 0
    assert capsys.readouterr().out.strip() == str(package / "plugins" / "hushgate.clap")
    assert cli.main(["plugin", "install"]) == 0
    assert (tmp_path / ".clap" / "hushgate.clap").read_text() == "packaged"


@pytest.mark.parametrize("is_newer", [True, False])
def test_of_what_was_built_and_what_was_installed_the_newer_is_used(
    is_newer: bool, package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packaged = {"plugins/hushgate.clap": package / "plugins", "web/hushgate.wasm": package}
    for name, folder in packaged.items():
        path = tmp_path / "data" / "hushgate" / name
        path.parent.mkdir(parents=True)
        path.write_text("built")
        installed_s = (folder / path.name).stat().st_mtime
        built_s = installed_s + (10.0 if is_newer else -10.0)
        os.utime(path, (built_s, built_s))
    assert cli.main(["plugin", "path", "clap"]) == 0
    expected = "built" if is_newer else "packaged"
    assert Path(capsys.readouterr().out.strip()).read_text() == expected
    page = tmp_path / "page.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hushgate.web.assemble.assemble_page", lambda core, *_: core)
        assert cli.main(["web", "--no-open", "-o", str(page)]) == 0
    assert page.read_text() == expected


def test_path_is_for_load_plugin(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plugin", "path"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert (path.name, path.is_dir()) == ("hushgate.vst3", True)
    assert cli.main(["plugin", "path", "clap", "--mono"]) == 2
    assert "holds no hushgate-mono.clap. Build it with hushgate plugin build." in capsys.readouterr().err


def test_without_plugins_install_says_how_to_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["plugin", "install", "--source", str(tmp_path)]) == 2
    assert "holds no plugins. Build them with hushgate plugin build." in capsys.readouterr().err


def test_build_names_missing_sources_and_a_missing_dpf(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["plugin", "build", "--source", str(tmp_path)]) == 2
    assert "does not hold hushgate's native sources" in capsys.readouterr().err
    native = str(Path(__file__).resolve().parents[3] / "native")
    arguments = ["--source", native, "-o", str(tmp_path / "out"), "--dpf", str(tmp_path)]
    assert cli.main(["plugin", "build", *arguments]) == 2
    assert "has no DPF. Install Debian's dpf-source" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# Stands in for native/build_plugins.py: starts a compiler, and waits where it is to be interrupted.
_BUILD = """
import subprocess, sys, tempfile, time
from pathlib import Path

with tempfile.TemporaryDirectory() as work:
    compiler = subprocess.Popen(["sleep", "300"], cwd=work)
    print("compiling", compiler.pid, flush=True)
    (Path(sys.argv[1]) / "hushgate.clap").write_text("new")
    if "LV2" in sys.argv:
        time.sleep(300)
    compiler.kill()
    compiler.wait()
"""


def _build(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    for name in ("source", "temporary"):
        (tmp_path / name).mkdir()
    (tmp_path / "source" / "build_plugins.py").write_text(_BUILD)
    folders = ("--source", str(tmp_path / "source"), "-o", str(tmp_path / "out"))
    return subprocess.Popen(
        [sys.executable, "-m", "hushgate", "plugin", "build", *folders, *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_build_says_what_is_compiled_and_prints_the_plugins(tmp_path: Path) -> None:
    out, progress = _build(tmp_path).communicate(timeout=60.0)
    assert out == f"{tmp_path / 'out' / 'hushgate.clap'}\n"
    assert progress.startswith("compiling ")
    assert (tmp_path / "out" / "hushgate.clap").read_text() == "new"
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can catch")
def test_a_build_that_a_signal_ends_leaves_nothing(tmp_path: Path) -> None:
    process = _build(tmp_path, "--format", "LV2")
    assert process.stderr is not None
    compiler = int(process.stderr.readline().split()[1])
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60.0)
    assert process.returncode == 128 + signal.SIGTERM
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not (tmp_path / "out").exists()
    status = Path(f"/proc/{compiler}/stat")  # a killed process may wait for its parent's attention
    assert not status.exists() or status.read_text().split()[2] == "Z"
