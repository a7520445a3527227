"""The parts that a batch is made of: meters, limiter, plan, inputs, journal, pictures."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress

from hushgate.batching.cleaning.peak_limiter import PeakLimiter
from hushgate.batching.planning.existing_outputs import Policy, decide
from hushgate.batching.planning.inputs import Source, find_inputs, read_list
from hushgate.batching.planning.journal import Journal, changed_settings
from hushgate.batching.planning.plan import Plan, PlanError, make_plan, output_name
from hushgate.batching.planning.recipe import BatchSettings, make_recipe
from hushgate.batching.planning.results import FileResult
from hushgate.batching.progress_views import RichView
from hushgate.pictures.overview import SpectrogramOverview, WaveformOverview
from hushgate.pictures.png import spectrogram_png
from hushgate.rendering.level_meter import LevelMeter
from tests.helpers.seeded_noise import noise

BLOCKS = [(50_000,), (1000,), (7, 480), (100, 3000, 1)]


def pieces(sound: np.ndarray, sizes: tuple[int, ...]) -> list[np.ndarray]:
    """`sound` in blocks of these sizes, over and over."""
    blocks, place, turn = [], 0, 0
    while place < sound.shape[1]:
        blocks.append(sound[:, place : place + sizes[turn % len(sizes)]])
        place += blocks[-1].shape[1]
        turn += 1
    return blocks


# -- measuring -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", BLOCKS)
def test_levels_are_right_whatever_the_blocks(sizes: tuple[int, ...]) -> None:
    sound = np.concatenate([np.full((2, 43_200), 0.5), np.full((2, 4_800), 0.005)], axis=1).astype(np.float32)
    meter = LevelMeter(48_000)
    for block in pieces(sound, sizes):
        meter.update(block)
    assert meter.peak_db == pytest.approx(-6.02, abs=0.01)
    assert meter.level_db == pytest.approx(-6.02 + 10 * np.log10(0.9), abs=0.01)
    assert meter.floor_db == pytest.approx(-46.0, abs=0.1)  # the tenth of the file that is quiet


def test_silence_has_no_level() -> None:
    meter = LevelMeter(48_000)
    meter.update(np.zeros((1, 48_000), np.float32))
    assert (meter.level_db, meter.peak_db, meter.floor_db) == (None, None, -150.0)


@pytest.mark.parametrize("sizes", BLOCKS)
def test_pictures_do_not_depend_on_blocks(sizes: tuple[int, ...]) -> None:
    sound = noise(2, 50_000)
    whole, parts = SpectrogramOverview(50_000, 48_000), SpectrogramOverview(50_000, 48_000)
    waves = WaveformOverview(50_000, columns=100), WaveformOverview(50_000, columns=100)
    whole.update(sound)
    waves[0].update(sound)
    for block in pieces(sound, sizes):
        parts.update(block)
        waves[1].update(block)
    assert np.allclose(whole.decibels(), parts.decibels(), atol=1e-3)
    assert np.array_equal(waves[0].high, waves[1].high)
    assert np.array_equal(waves[0].low, waves[1].low)
    assert waves[0].high[0] == sound[:, :500].max()


def test_the_picture_shows_where_and_when_a_tone_is() -> None:
    time = np.arange(96_000) / 48_000
    tone = np.where(time < 1.0, np.sin(2 * np.pi * 1000 * time), 0.0).astype(np.float32)[np.newaxis]
    overview = SpectrogramOverview(96_000, 48_000)
    overview.update(tone)
    levels = overview.decibels()
    row = int(np.searchsorted(overview.edges_hz, 1000.0)) - 1
    assert abs(int(levels[:, 20].argmax()) - row) <= 1
    assert levels[:, 20].max() > -15.0
    assert levels[:, 180].max() < -100.0


@pytest.mark.parametrize("num_samples", [1, 100, 2048, 2049])
def test_recordings_shorter_than_a_frame_have_a_picture(num_samples: int) -> None:
    overview = SpectrogramOverview(num_samples, 48_000)
    overview.update(noise(1, num_samples))
    assert np.isfinite(overview.decibels()).all()
    assert overview.decibels().shape == (48, 200)


def test_pictures_are_valid_png() -> None:
    levels = np.linspace(-100, 0, 12).reshape(3, 4).astype(np.float32)
    data = base64.b64decode(spectrogram_png(levels, 0.0))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    kinds, place, content = [], 8, b""
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + size]
        assert struct.unpack_from(">I", data, place + 8 + size)[0] == zlib.crc32(kind + body)
        kinds.append(kind)
        content += body if kind == b"IDAT" else b""
        place += 12 + size
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    rows = np.frombuffer(zlib.decompress(content), np.uint8).reshape(3, 5)[:, 1:]
    assert rows[0, -1] == 255  # the highest frequency on top
    assert rows[-1, 0] == 0


# -- limiting --------------------------------------------------------------------------------------


def limited(sound: np.ndarray, sizes: tuple[int, ...]) -> tuple[np.ndarray, float]:
    limiter = PeakLimiter(48_000, 0.98)
    parts = [limiter.process(block) for block in pieces(sound, sizes)]
    rest = limiter.flush()
    assert rest is not None
    return np.concatenate([*parts, rest], axis=1), limiter.lowest_gain


@pytest.mark.parametrize("sizes", BLOCKS)
def test_the_limiter_holds_every_peak_and_leaves_the_rest_alone(sizes: tuple[int, ...]) -> None:
    sound = noise(2, 50_000, scale=0.35)
    sound[:, :20_000] *= 0.3
    out, lowest_gain = limited(sound, sizes)
    assert out.shape == sound.shape
    assert np.abs(out).max() <= 0.98
    assert np.array_equal(out[:, :19_000], sound[:, :19_000])
    assert lowest_gain == pytest.approx(0.98 / np.abs(sound).max(), rel=1e-6)
    assert np.array_equal(out, limited(sound, (50_000,))[0])


def test_the_limiter_moves_smoothly_and_both_channels_alike() -> None:
    sound = np.full((2, 4000), 0.5, np.float32)
    sound[0, 2000] = 1.96
    out, _ = limited(sound, (4000,))
    gain = out / sound
    assert np.allclose(gain[0], gain[1])
    assert np.abs(np.diff(gain[1])).max() < 0.005
    assert gain[1, 2000] == pytest.approx(0.5)
    assert np.array_equal(gain[1, :1700], np.ones(1700))


def test_a_limiter_that_heard_nothing_gives_nothing() -> None:
    assert PeakLimiter(48_000, 0.98).flush() is None


# -- planning --------------------------------------------------------------------------------------


@pytest.fixture
def settings(identity: str) -> BatchSettings:
    return BatchSettings(make_recipe(None, identity, {}))


def planned(sources: list[str], settings: BatchSettings, template: str = "{stem}.{ext}") -> Plan:
    return make_plan([Source(f"in/{name}", name) for name in sources], "out", settings, template)


def test_the_tree_is_mirrored(settings: BatchSettings) -> None:
    plan = planned(["a.wav", "drums/kick.WAV", "drums/oh/l.flac"], settings)
    assert [job.output for job in plan.jobs] == ["a.wav", "drums/kick.WAV", "drums/oh/l.flac"]
    assert plan.jobs[1].target == os.path.join("out", "drums", "kick.WAV")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{stem}-{preset}.{ext}", "drums/kick-identity.wav"),
        ("{parent}_{stem}.flac", "drums/drums_kick.flac"),
        ("{model}/{stem}.{ext}", "drums/identity/kick.wav"),
        ("{{{stem}}}.{ext}", "drums/{kick}.wav"),
    ],
)
def test_templates_name_the_outputs(settings: BatchSettings, template: str, expected: str) -> None:
    assert output_name(Source("in/drums/kick.wav", "drums/kick.wav"), settings, template) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{title}.{ext}",
        "{stem",
        "../{stem}.{ext}",
        "/tmp/{stem}.{ext}",
        "{stem!r}.wav",
        "{stem:>9}",
        "{stem.__class__}",
        "{0}",
        "a//{stem}.wav",
        "{stem}/",
        "",
    ],
)
def test_templates_that_lead_nowhere_are_refused(settings: BatchSettings, template: str) -> None:
    with pytest.raises(PlanError, match="template must"):
        output_name(Source("in/kick.wav", "kick.wav"), settings, template)


def test_two_inputs_to_one_output_are_refused(settings: BatchSettings) -> None:
    with pytest.raises(PlanError, match=r"in/a\.wav and in/b\.wav would both become out/x\.wav"):
        planned(["a.wav", "b.wav"], settings, "x.{ext}")
    planned(["a.wav", "a.flac"], settings)
    with pytest.raises(PlanError, match="both become"):
        planned(["a.wav", "a.flac"], BatchSettings(settings.recipe, extension="flac"))


def test_a_residual_that_takes_anothers_name_is_refused(settings: BatchSettings) -> None:
    with_residual = BatchSettings(settings.recipe, output_residual=True)
    with pytest.raises(PlanError, match=r"a\.residual\.wav"):
        planned(["a.wav", "a.residual.wav"], with_residual)


def test_an_output_that_would_be_a_folder_is_refused(settings: BatchSettings) -> None:
    with pytest.raises(PlanError, match="a file and a folder"):
        planned(["a.wav", "a.wav/b.wav"], settings)


def test_an_output_over_any_input_is_refused(settings: BatchSettings, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path)
    sources = [Source(str(tmp_path / name), name) for name in ("a.wav", "b.wav")]
    for folder in (tmp_path, tmp_path / "link", tmp_path / "link" / ".." / tmp_path.name):
        with pytest.raises(PlanError, match="would overwrite its own input"):
            make_plan(sources, str(folder), settings)
    with pytest.raises(PlanError, match=r"would overwrite the input .*b\.wav"):
        make_plan([sources[0], Source(str(tmp_path / "b.wav"), "c.wav")], str(tmp_path), settings, "b.{ext}")


def test_the_same_file_given_twice_counts_once(settings: BatchSettings) -> None:
    assert len(planned(["a.wav", "a.wav"], settings).jobs) == 1


# -- finding ---------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "a.wav",
        "B.FLAC",
        "notes.txt",
        "deep/c.mp3",
        "deep/er/d_vox.wav",
        ".hidden.wav",
        ".git/e.wav",
    ):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    return tmp_path / "in"


def names(folder: Path, **options: object) -> list[str]:
    return sorted(source.name for source in find_inputs([str(folder)], **options).sources)  # type: ignore[arg-type]


def test_folders_are_searched_as_asked(tree: Path) -> None:
    assert names(tree) == ["B.FLAC", "a.wav"]
    assert names(tree, recursive=True) == ["B.FLAC", "a.wav", "deep/c.mp3", "deep/er/d_vox.wav"]
    assert names(tree, recursive=True, globs=["*_vox.wav"]) == ["deep/er/d_vox.wav"]
    assert names(tree, recursive=True, globs=["deep/*.mp3", "*.txt"]) == ["deep/c.mp3", "notes.txt"]
    assert find_inputs([str(tree)]).num_ignored == 1  # notes.txt; hidden files do not count


def test_outputs_in_the_input_folder_are_no_inputs(tree: Path) -> None:
    assert names(tree, recursive=True, exclude=str(tree / "deep")) == ["B.FLAC", "a.wav"]


def test_listed_files_keep_their_relative_path(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    listing = tmp_path / "list.txt"
    listing.write_bytes(
        b"\xef\xbb\xbfdeep/c.mp3\r\n\n# a comment\n./a.wav\n../in/B.FLAC\n" + b"bad\xff.wav\n"
    )
    assert read_list(str(listing))[3] == os.fsdecode(b"bad\xff.wav")
    found = find_inputs([], lists=[str(listing)])
    assert [source.name for source in found.sources][:3] == ["deep/c.mp3", "a.wav", "B.FLAC"]
    based = find_inputs(["a.wav", str(tree / "deep")], base=str(tree.parent), recursive=True)
    assert [source.name for source in based.sources] == ["in/a.wav", "in/deep/c.mp3", "in/deep/er/d_vox.wav"]
    with pytest.raises(ValueError, match="base must be a folder that holds every input"):
        find_inputs(["a.wav"], base=str(tree / "deep"))


def test_a_missing_input_is_refused_by_name() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        find_inputs(["nowhere/to/be/found.wav"])
    assert caught.value.filename == "nowhere/to/be/found.wav"


# -- journal ---------------------------------------------------------------------------------------


def test_a_line_that_a_crash_cut_short_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.plan({"a.wav": "/in/a.wav", "b.wav": "/in/b.wav"}, "h", {"mix": 1.0})
        journal.done("a.wav", source_print=[1, 2], prints=[[3, 4]], result={"x": 1})
    with path.open("ab") as file:
        file.write(b'{"type": "done", "output": "b.w')
    with Journal(path) as journal:
        assert journal.entries["a.wav"].done
        assert not journal.entries["b.wav"].done
        journal.done("b.wav", source_print=[1, 2], prints=[[3, 4]], result={})
    with Journal(path) as journal:
        assert journal.entries["b.wav"].done
        assert journal.settings == {"h": {"mix": 1.0}}


def test_two_batches_never_share_a_journal(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="this system has no file locks")
    with Journal(tmp_path / "journal"), pytest.raises(RuntimeError, match="another batch is writing"):
        Journal(tmp_path / "journal")
    Journal(tmp_path / "journal").__exit__()


def test_what_somebody_else_wrote_is_never_counted_as_ours(tmp_path: Path, settings: BatchSettings) -> None:
    (tmp_path / "a.wav").write_text("input")
    plan = make_plan([Source(str(tmp_path / "a.wav"), "a.wav")], str(tmp_path / "out"), settings)
    target = Path(plan.jobs[0].target)
    target.parent.mkdir()
    resume = Policy(resume=True)
    with Journal(tmp_path / "journal") as journal:
        assert decide(plan, journal, resume).pending == ((plan.jobs[0], False),)
        target.write_text("a stranger's")
        with pytest.raises(PlanError, match="already there"):
            decide(plan, journal, resume)
        journal.plan({"a.wav": str(tmp_path / "a.wav")}, settings.hash, settings.identity())
        assert decide(plan, journal, resume).pending == ((plan.jobs[0], True),)  # cut off before the note
        status = target.stat()
        source = (tmp_path / "a.wav").stat()
        journal.done(
            "a.wav",
            source_print=[source.st_size, source.st_mtime_ns],
            prints=[[status.st_size, status.st_mtime_ns]],
            result={"source": "x", "name": "a.wav", "status": "done", "settings_hash": settings.hash},
        )
        assert decide(plan, journal, resume).settled[0].status == "resumed"
        target.write_text("edited since")
        with pytest.raises(PlanError, match="already there"):
            decide(plan, journal, resume)


def test_changed_settings_are_named() -> None:
    before = {"dither": True, "effect": {"mix": 1.0, "model": "sha256:1"}}
    assert changed_settings(before, {"dither": False, "effect": {"mix": 1.0, "model": "sha256:2"}}) == [
        "dither",
        "model",
    ]


def test_the_settings_hash_follows_what_decides_the_sound(models: Path, tmp_path: Path) -> None:
    def hash_of(model: Path, **parameters: float) -> str:
        return BatchSettings(make_recipe(None, model, parameters)).hash

    identity, half = models / "identity.onnx", models / "half.onnx"
    (tmp_path / "copy.onnx").write_bytes(identity.read_bytes())
    assert hash_of(identity) == hash_of(tmp_path / "copy.onnx")  # the same model elsewhere
    assert len({hash_of(identity), hash_of(half), hash_of(identity, mix=0.5)}) == 3
    json.dumps(BatchSettings(make_recipe(None, identity, {})).identity())


def test_a_recipe_with_its_model_inside_works_where_the_file_is_not(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "travelling.onnx"
    path.write_bytes((models / "half.onnx").read_bytes())
    recipe = make_recipe(None, path, {}).packed()
    path.unlink()
    sound = noise(1, 4800)
    out = recipe.make().process(sound, 48_000)
    assert np.allclose(out, 0.5 * sound, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"extension": "xyz"}, "format must be an extension"),
        ({"subtype": "PCM_17"}, "subtype must be a sample format"),
        ({"extension": "flac", "subtype": "FLOAT"}, "subtype must be a sample format of FLAC"),
        ({"clip_mode": "squash"}, "clip_mode must be one of report, limit, rescale"),
    ],
)
def test_settings_are_checked_when_made(
    settings: BatchSettings, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        BatchSettings(settings.recipe, **arguments)  # type: ignore[arg-type]


# -- showing ---------------------------------------------------------------------------------------


def test_the_bar_of_the_batch_counts_files_by_their_size(tmp_path: Path, settings: BatchSettings) -> None:
    for name, size in (("long.wav", 3000), ("short.wav", 1000)):
        (tmp_path / name).write_bytes(bytes(size))
    sources = [Source(str(tmp_path / name), name) for name in ("long.wav", "short.wav")]
    long, short = make_plan(sources, "out", settings).jobs
    with Progress(console=Console(file=io.StringIO())) as progress:
        view = RichView(progress)
        view.planned([long, short], [])
        whole = progress.tasks[0]
        view.started(long)
        view.progressed(long, 0.5)
        assert (whole.total, whole.completed) == (4000, 1500)
        view.started(long)  # its worker died
        assert whole.completed == 0
        view.finished(FileResult(long.source, "long.wav", "done", ""))
        view.started(short)
        assert whole.completed == 3000
        assert [task.description for task in progress.tasks] == ["all files", "short.wav"]
        view.finished(FileResult(short.source, "short.wav", "failed", "", error="no sound"))
        assert whole.finished
