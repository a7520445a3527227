"""Presets: each one that ships works, what is saved comes back, and nothing wrong gets in."""

from __future__ import annotations

import functools
import json
import os
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import pytest

from hushgate import Chain, Denoiser, HumRemover, Mix, Preset, PresetError, available_presets, load_preset
from hushgate.commands import main as cli
from hushgate.effects.preset_file import read_preset_text
from tests.helpers.blocks import as_file
from tests.helpers.command_line import RunCli
from tests.helpers.seeded_noise import noise

RATE = 48_000
ROOT = Path(__file__).resolve().parents[3]
# The folder, not a list: a new file cannot escape.
FILES = sorted((ROOT / "presets").glob("*.toml"), key=lambda path: path.stem)
SHIPPED = [file.stem for file in FILES]

ONE = "version = 1\n[[chain]]\n"

pytestmark = pytest.mark.usefixtures("voice")


def write(folder: Path, text: str, name: str = "bad.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_ships_what_is_promised() -> None:
    promised = {
        "voice",
        "podcast",
        "speech-recognition",
        "music",
        "music-hiss",
        "guitar",
        "tuner",
        "stems-vocal",
        "gate-bass",
        "gate-hard",
        "voice-gate",
        "de-hum",
    }
    assert promised <= set(SHIPPED)
    assert set(available_presets()) == set(SHIPPED)


@pytest.mark.level(2)
@pytest.mark.parametrize("name", SHIPPED)
def test_every_preset_loads_describes_itself_and_sounds(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert preset.description.endswith(".")
    assert tomllib.loads(read_preset_text(name))["version"] == 1
    chain = Chain.from_preset(name)
    out = chain(noise(2, 10_000), RATE)
    assert out.shape == (2, 10_000)
    assert np.isfinite(out).all()
    denoisers = [effect.to_dict() for effect in chain if isinstance(effect, Denoiser)]
    assert denoisers == ([] if name == "de-hum" else [Denoiser.from_preset(name).to_dict()])


@pytest.mark.parametrize("name", SHIPPED)
def test_presets_use_the_model_made_for_their_sound(name: str) -> None:
    meant = dict.fromkeys(("guitar", "tuner", "gate-hard"), "guitar")
    meant["gate-bass"] = "bass"
    meant |= dict.fromkeys(("music", "music-hiss"), "music")
    models = {entry["model"] for entry in load_preset(name).entries if entry["effect"] == "Denoiser"}
    assert models == (set() if name == "de-hum" else {meant.get(name, "voice")})


def test_podcast_is_high_pass_denoiser_compressor_limiter() -> None:
    chain = Chain.from_preset("podcast")
    assert [type(effect).__name__ for effect in chain] == ["HighpassFilter", "Denoiser", "Linked"]
    dynamics = chain[2].to_dict()["effects"]  # type: ignore[union-attr]
    assert [entry["effect"] for entry in dynamics] == ["Compressor", "Limiter"]


@pytest.mark.level(2)
def test_presets_may_be_switched_while_sound_runs(rng: np.random.Generator) -> None:
    chain = Chain.from_preset("voice")
    chain.reset()
    first = list(chain)
    for name in [*rng.choice(SHIPPED, 5), None]:
        chain[:] = first if name is None else Chain.from_preset(str(name))
        for _ in range(8):
            assert np.isfinite(chain(noise(2, 512), RATE, reset=False)).all()
    assert list(chain) == first


# -- saving and loading -------------------------------------------------------------------------


def test_a_saved_chain_comes_back_equal(tmp_path: Path, identity: str) -> None:
    chain = Chain(
        [
            pedalboard.HighpassFilter(80.0),
            Denoiser(identity, attenuation_limit_db=20.0, gate_threshold_db=-40.0, output="residual"),
            Mix(
                [None, Chain([pedalboard.Gain(-3.0), pedalboard.LadderFilter(pedalboard.LadderFilter.HPF12)])]
            ),
            pedalboard.Pedalboard([pedalboard.BrickwallLimiter(true_peak=True), pedalboard.Invert()]),
        ]
    )
    path = tmp_path / "mine.toml"
    chain.save_preset(path, description='Tab\t, "quotes", \\, \x7f, é\n')
    preset = load_preset(path)
    assert (preset.name, preset.description) == ("mine", 'Tab\t, "quotes", \\, \x7f, é\n')
    twin = Chain.from_preset(path)
    assert twin.to_dict() == chain.to_dict()
    twin.save_preset(tmp_path / "again.toml", name="mine", description=preset.description)
    assert (tmp_path / "again.toml").read_bytes() == path.read_bytes()


def test_every_shipped_preset_survives_being_saved(tmp_path: Path) -> None:
    for name in SHIPPED:
        chain = Chain.from_preset(name)
        chain.save_preset(tmp_path / f"{name}.toml")
        assert Chain.from_preset(tmp_path / f"{name}.toml").to_dict() == chain.to_dict()


def test_saving_replaces_a_file_only_when_told_to(tmp_path: Path) -> None:
    path = write(tmp_path, "mine")
    with pytest.raises(FileExistsError):
        Chain([pedalboard.Gain()]).save_preset(path)
    assert path.read_text() == "mine"
    Chain([pedalboard.Gain()]).save_preset(path, overwrite=True)
    assert len(Chain.from_preset(path)) == 1


def test_what_cannot_be_saved_leaves_no_file(tmp_path: Path) -> None:
    room = pedalboard.Convolution(np.ones(8, np.float32), sample_rate=RATE)
    with pytest.raises(TypeError, match="cannot be described"):
        Chain([room]).save_preset(tmp_path / "a.toml")
    with pytest.raises(ValueError, match="one effect or more"):
        Chain().save_preset(tmp_path / "a.toml")
    with pytest.raises(ValueError, match=r"path must end in \.toml, which presets are known by"):
        Chain([pedalboard.Gain()]).save_preset(tmp_path / "a.txt")
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_extension_is_not_taken_for_a_shipped_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "", "mine.txt")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PresetError, match=r"The file mine\.txt exists; presets end in \.toml"):
        load_preset("mine.txt")


def test_models_are_found_from_the_presets_folder(tmp_path: Path, models: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "own.onnx").write_bytes((models / "half.onnx").read_bytes())
    path = write(tmp_path, 'version = 1\n[[chain]]\neffect = "Denoiser"\nmodel = "models/own.onnx"\n')
    denoiser = Denoiser.from_preset(path)
    assert denoiser.model == str(tmp_path / "models" / "own.onnx")
    Chain([denoiser]).save_preset(tmp_path / "again.toml")
    assert 'model = "models/own.onnx"' in (tmp_path / "again.toml").read_text()
    (tmp_path / "elsewhere").mkdir()
    Chain([denoiser]).save_preset(tmp_path / "elsewhere" / "again.toml")
    assert Denoiser.from_preset(tmp_path / "elsewhere" / "again.toml").model == denoiser.model


def test_a_model_given_instead_is_no_file_of_the_presets(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, ONE + "effect = 'Denoiser'\n")
    monkeypatch.chdir(models)
    (denoiser,) = load_preset(path).make_effects(model="half.onnx", mix=0.5)
    assert (Path(denoiser.model), denoiser.mix) == (models / "half.onnx", 0.5)  # type: ignore[attr-defined]
    (denoiser,) = load_preset(path).make_effects(model=Path("half.onnx"))
    assert Path(denoiser.model) == models / "half.onnx"  # type: ignore[attr-defined]


def test_words_stand_for_what_toml_cannot_say(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ONE + "effect = 'Denoiser'\nattenuation_limit_db = 'none'\ngate_threshold_db = -inf\n",
    )
    denoiser = Denoiser.from_preset(path)
    assert denoiser.attenuation_limit_db is None
    assert denoiser.gate_threshold_db == -np.inf


# -- what must not get in -----------------------------------------------------------------------

BAD = [
    ("version = 2\n", r"version must be 1 \(got 2\)\. .*later hushgate"),
    ("", r"version must be 1 \(got None\)"),
    ("version = '1'\n", r"version must be 1 \(got '1'\)"),
    ("version = true\n", "version must be 1"),
    ("version = \n", r"not valid TOML: .*line 1"),
    (ONE + f"effect = 'Denoiser'\nmix = {'9' * 5000}\n", "not valid TOML: Exceeds the limit"),
    ("version = 1\n", r"chain must be one or more \[\[chain\]\] tables"),
    ("version = 1\nchain = []\n", "chain must be one or more"),
    ("version = 1\nchain = 3\n", "chain must be one or more"),
    ("version = 1\nchain = [3]\n", r"chain\[0\] must be a table"),
    ("version = 1\ncolour = 3\n[[chain]]\neffect = 'Gain'\n", "colour is unknown. Allowed: version, name"),
    ("version = 1\nname = 3\n", "name must be text"),
    (ONE, r"chain\[0\].effect is missing. Allowed: .*Denoiser"),
    (ONE + "effect = 'Reverbb'\n", r"chain\[0\].effect is 'Reverbb', which is unknown. Allowed: Bitcrush, "),
    (ONE + "effect = ['Gain']\n", r"chain\[0\].effect is \['Gain'\]"),
    (ONE + "effect = 'os.system'\n", "which is unknown"),
    (ONE + "effect = 'VST3Plugin'\npath_to_plugin_file = '/x.vst3'\n", "which is unknown"),
    (ONE + "effect = 'Convolution'\nimpulse_response_filename = '/etc/passwd'\n", "which is unknown"),
    (ONE + "effect = '__class__'\n", "which is unknown"),
    (ONE + "effect = 'Gain'\n__class__ = 3\n", r"chain\[0\] \(Gain\): '__class__' is not a parameter"),
    (ONE + "effect = 'Gain'\ngain_db = '3'\n", "gain_db must be between -80 and 80 dB"),
    (ONE + "effect = 'Gain'\ngain_db = nan\n", "gain_db must be between -80 and 80 dB"),
    (ONE + "effect = 'Gain'\ngain_db = 1979-05-27\n", "gain_db must be between -80 and 80 dB"),
    (ONE + "effect = 'Compressor'\nratio = 0.5\n", r"chain\[0\] \(Compressor\): ratio must be between 1 and"),
    (ONE + "effect = 'Denoiser'\nmix = 2.0\n", r"chain\[0\].mix must be between 0.0 and 1.0 \(got 2.0\)"),
    (ONE + f"effect = 'Denoiser'\nmix = 1{'0' * 400}\n", r"chain\[0\].mix must be between 0.0 and 1.0"),
    (ONE + "effect = 'Denoiser'\nmix = true\n", r"chain\[0\].mix must be a number between"),
    (ONE + "effect = 'Denoiser'\noutput = 'both'\n", r"output must be one of 'denoised', 'residual'"),
    (ONE + "effect = 'Denoiser'\nstrength = 1\n", r"chain\[0\].strength is unknown. Allowed.*: model, mix"),
    (ONE + "effect = 'Denoiser'\nmodel = 3\n", r"chain\[0\].model must be a model's name or path"),
    (ONE + "effect = 'Denoiser'\nmodel = 'nothing'\n", r"chain\[0\].model: .*'nothing'.*voice"),
    (ONE + "effect = 'Denoiser'\nmodel = 'nothing.onnx'\n", r"chain\[0\].model: .*nothing.onnx"),
    (ONE + "effect = 'Mix'\n", r"chain\[0\].effects must be a list of tables"),
    (ONE + "effect = 'Mix'\ngain = 1\neffects = []\n", r"chain\[0\].gain is unknown"),
    (ONE + "effect = 'Mix'\neffects = [{effect='Gain'}, {effect='Chain', effects=[{effect='Gian'}]}]\n",
     r"chain\[0\].effects\[1\].effects\[0\].effect is 'Gian'"),
    (ONE + "effect = 'Chain'\neffects = " + "[" * 5_000 + "]" * 5_000, "nested too deeply"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD, ids=range(len(BAD)))
def test_what_is_wrong_is_named_with_file_key_and_what_is_allowed(
    tmp_path: Path, text: str, message: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PresetError, match=message) as caught:
        Chain.from_preset(path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_effects_nested_without_end_are_refused() -> None:
    entry: dict[str, Any] = {"effect": "Gain"}
    for _ in range(2_000):
        entry = {"effect": "Chain", "effects": [entry]}
    with pytest.raises(PresetError, match="nested too deeply"):
        Preset("deep", "", (entry,)).make_effects()


def test_files_that_are_no_presets_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.toml"):
        load_preset(tmp_path / "gone.toml")
    with pytest.raises(FileNotFoundError):
        load_preset("gone.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PresetError, match=r"binary\.toml: is not UTF-8"):
        load_preset(tmp_path / "binary.toml")
    with pytest.raises(PresetError, match=r"no preset 'podcst'. Did you mean podcast\? Shipped: .*podcast"):
        load_preset("podcst")


def test_a_denoiser_is_taken_only_where_there_is_one(tmp_path: Path) -> None:
    none = write(tmp_path, ONE + "effect = 'Gain'\n", "none.toml")
    two = write(tmp_path, ONE + "effect = 'Denoiser'\n[[chain]]\neffect = 'Denoiser'\n", "two.toml")
    for path, count in ((none, 0), (two, 2)):
        with pytest.raises(PresetError, match=f"has {count} Denoisers, not one"):
            Denoiser.from_preset(path)
    with pytest.raises(PresetError, match="has no Denoiser to set mix of"):
        load_preset(none).make_effects(mix=0.5)
    with pytest.raises(PresetError, match="has no Denoiser to set mix of"):
        load_preset("de-hum").make_effects(mix=0.5, hum_reduction_db=20.0)


def test_hum_reduction_is_set_in_a_hum_remover_too() -> None:
    (remover,) = load_preset("de-hum").make_effects(hum_reduction_db=20.0)
    assert isinstance(remover, HumRemover)
    assert remover.hum_reduction_db == 20.0


# -- command line -------------------------------------------------------------------------------


def test_the_command_lists_every_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["presets"]) == 0
    listed = capsys.readouterr().out
    for name in SHIPPED:
        assert f"{name} " in listed
    assert "HighpassFilter > Denoiser > Linked(Compressor > Limiter)" in " ".join(listed.split())
    assert max(map(len, listed.splitlines())) <= 80
    assert "voice   32 ms" in listed
    assert cli.main(["presets", "--json"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == SHIPPED


def test_the_command_prints_a_preset_that_can_be_used_as_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["presets", "show", "podcast"]) == 0
    path = write(tmp_path, capsys.readouterr().out, "mine.toml")
    assert Chain.from_preset(path).to_dict() == Chain.from_preset("podcast").to_dict()
    assert cli.main(["presets", "show", str(path)]) == 0
    capsys.readouterr()
    assert cli.main(["presets", "--json", "show", "podcast"]) == 0
    shown = json.loads(capsys.readouterr().out)
    preset = load_preset("podcast")
    assert (
        Preset(shown["name"], shown["description"], tuple(shown["chain"]), None, shown["loudness"]) == preset
    )


def test_the_command_reports_a_bad_preset_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, ONE + "effect = 'Gain'\ngain_db = nan\n")
    assert cli.main(["presets", "show", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"hushgate: error: {path}: chain[0] (Gain): gain_db")
    assert error.count("\n") == 1


def test_a_preset_without_show_is_pointed_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["presets", "podcast"]) == 2
    assert "argument list | show NAME: invalid choice: 'podcast'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], {"attenuation_limit_db": 30.0}),
        (["--attenuation-limit-db", "6"], {"attenuation_limit_db": 6.0}),
        (["--attenuation-limit-db", "none", "--mix", "0.5"], {"attenuation_limit_db": None, "mix": 0.5}),
    ],
)
def test_denoise_runs_the_presets_chain_and_flags_go_before_it(
    tmp_path: Path, flags: list[str], expected: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    import soundfile

    sound = noise(20_000, 2, seed=3)
    soundfile.write(tmp_path / "in.wav", sound, RATE, subtype="FLOAT")
    out = tmp_path / "out.wav"
    flags = ["--preset", "podcast", "--loudness", "off", *flags]
    assert cli.main(["denoise", str(tmp_path / "in.wav"), "-o", str(out), *flags]) == 0
    assert "preset       podcast" in capsys.readouterr().out
    chain = Chain(load_preset("podcast").make_effects(**expected))
    np.testing.assert_allclose(soundfile.read(out)[0], as_file(chain, sound, RATE), atol=1e-5)


@pytest.mark.parametrize("value", ["-70.0", "3", "true", '"loud"', "nan"])
def test_a_loudness_that_no_file_could_have_is_refused(tmp_path: Path, value: str) -> None:
    path = tmp_path / "loud.toml"
    path.write_text(f'version = 1\nloudness = {value}\n[[chain]]\neffect = "Gain"\n')
    with pytest.raises(PresetError, match="loudness must be between -60 and -5 LUFS"):
        load_preset(path)


def test_denoise_takes_a_model_instead_of_the_presets(tmp_path: Path, identity: str, run_cli: RunCli) -> None:
    import soundfile

    soundfile.write(tmp_path / "in.wav", noise(20_000), RATE, subtype="FLOAT")
    result = run_cli("denoise", tmp_path / "in.wav", "--preset", "voice", "--model", identity)
    assert result.returncode == 0, result.stderr
    np.testing.assert_allclose(soundfile.read(tmp_path / "in.denoised.wav")[0], noise(20_000), atol=1e-5)


# -- files from strangers -----------------------------------------------------------------------

HEAD = 'version = 1\nname = "x"\ndescription = ""\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + '[[chain]]\neffect = "Gain"\n' * 201, "more than 200 effects"),
        (HEAD + '[[chain]]\neffect = "Denoiser"\n' * 33, "more than 32 Denoisers"),
        (HEAD + "#" * (64 << 10), "more than 65,536 bytes"),
        (
            HEAD
            + "[[chain]]\neffect = 'Chain'\neffects = "
            + "[{effect='Chain', effects=" * 20
            + "[]"
            + "}]" * 20,
            "nested more than 16 deep",
        ),
        (HEAD + "[[chain]]\neffect = 'Chorus'\nrate_hz = 1e30\n", "rate_hz must be between 0 and 100 Hz"),
        (HEAD + "".join(f"a{i}.b = 1\n" for i in range(20_000)), "more than 65,536 bytes"),
    ],
    ids=["effects", "denoisers", "bytes", "depth", "range", "keys"],
)
def test_presets_beyond_the_limits_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "strange.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PresetError, match=message):
        load_preset(path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_devices_and_pipes_are_no_presets(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    for path in (Path("/dev/zero"), pipe):
        with pytest.raises(PresetError, match="device or a pipe"):
            load_preset(path)


def test_chains_nested_too_deep_are_refused() -> None:
    with pytest.raises(ValueError, match="nested at most 64 deep"):
        functools.reduce(lambda chain, _: Chain([chain]), range(300), Chain([]))
