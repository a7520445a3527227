"""Plan of a batch: names, templates, collisions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hushgate.batching.planning.inputs import Source
from hushgate.batching.planning.plan import Plan, PlanError, make_plan, output_name
from hushgate.batching.planning.recipe import BatchSettings


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


def test_names_that_cannot_be_written_are_refused_before_any_work(
    settings: BatchSettings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "folder.wav").mkdir(parents=True)
    (out / "file").touch()

    def refuse(
        name: str, match: str, settings: BatchSettings = settings, template: str = "{stem}.{ext}"
    ) -> None:
        with pytest.raises(PlanError, match=match):
            make_plan([Source(f"in/{name}", name)], str(out), settings, template)

    refuse("folder.wav", r"folder\.wav is a folder")
    refuse("file/a.wav", r"file is a file and would have to be a folder \(for in/file/a\.wav\)")
    refuse("a.wav", r"a\.xyz: cannot tell the format from the extension '\.xyz'", template="{stem}.xyz")
    long = "n" * 244 + ".wav"
    make_plan([Source(f"in/{long}", long)], str(out), settings)
    with_residual = BatchSettings(settings.recipe, output_residual=True)
    refuse(long, "the name is longer than 255 bytes", with_residual)
    assert sorted(path.name for path in out.iterdir()) == ["file", "folder.wav"]
