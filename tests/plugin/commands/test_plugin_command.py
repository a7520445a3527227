"""`hushgate plugin`: building needs sources, installing needs plugins, and nothing is left half copied."""

from __future__ import annotations

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


def test_plugins_of_the_distribution_are_used_where_none_were_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "hushgate_native_with_plugins"
    (package / "plugins").mkdir(parents=True)
    (package / "plugins" / "hushgate.clap").write_text("packaged")
    (package / "__init__.py").write_text(
        "from pathlib import Path\ndef library_path(): return Path(__file__).with_name('libhushgate.so')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("hushgate.engine.native.package.PACKAGE", package.name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert cli.main(["plugin", "path", "clap"]) == 0
    assert capsys.readouterr().out.strip() == str(package / "plugins" / "hushgate.clap")
    assert cli.main(["plugin", "install"]) == 0
    assert (tmp_path / ".clap" / "hushgate.clap").read_text() == "packaged"


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
