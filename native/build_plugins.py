"""Compile the plugins: VST3, CLAP and LV2, for stereo and mono.

usage: python native/build_plugins.py FOLDER [--dpf /usr/share/dpf] [--no-window]

Needs hushgate installed, a C++17 compiler and DPF 1.6 (Debian's dpf-source); for the window also OpenGL's and
X11's headers (libgl-dev, libx11-dev).
"""

from __future__ import annotations

import argparse
import math
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from build_core import (
    CORE,
    NO_COMPILER,
    CompileError,
    compile_file,
    compile_objects,
    find_compiler,
    link,
)
from dpf_fixes import DpfError, copy_fixed_dpf

PLUGIN = Path(__file__).resolve().parent / "plugin"
DPF = Path("/usr/share/dpf")
LICENCES = [PLUGIN.with_name(name) for name in ("LICENSE", "THIRD_PARTY.txt")]
FORMATS = ("VST3", "CLAP", "LV2")
# Models in the order in which they came to ship, the default first.
_FIRST = ("voice", "guitar", "music", "bass")
CHANNELS = {"hushgate": 2, "hushgate-mono": 1}
_FLAGS = ("-std=c++17", "-O2", "-fPIC", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-w")
# The window is drawn by DPF's NanoVG over OpenGL.
_WINDOW_FLAGS = ("-DHUSHGATE_WINDOW", "-DDGL_OPENGL", "-DHAVE_OPENGL", "-DHAVE_DGL")
_WINDOW_LIBRARIES = ("-lGL", "-lX11")
_WINDOWS_LIBRARIES = ("-lole32", "-luuid")
_DGL_SOURCES = (
    "Application", "ApplicationPrivateData", "Color", "EventHandlers", "Geometry", "ImageBase",
    "ImageBaseWidgets", "Layout", "NanoVG", "OpenGL", "Resources", "SubWidget", "SubWidgetPrivateData",
    "TopLevelWidget", "TopLevelWidgetPrivateData", "Widget", "WidgetPrivateData", "Window",
    "WindowPrivateData", "pugl",
)  # fmt: skip


def build_plugins(
    output: Path,
    compiler: str,
    *,
    dpf: Path = DPF,
    formats: Sequence[str] = FORMATS,
    names: Sequence[str] = tuple(CHANNELS),
    has_window: bool = True,
    for_windows: bool = False,
) -> list[Path]:
    """Write the plugins into a folder and return their paths; prints what is being compiled.

    Args:
        output: The folder.
        compiler: Command of the compiler.
        dpf: DPF's sources.
        formats, names: Which plugins.
        has_window: Draw a window of their own, which makes them need libGL and libX11. False: the host draws
            the parameters.
        for_windows: The compiler makes programs for Windows (`build_windows.py`). LV2 describes itself by
            running, so that it cannot be made elsewhere.

    Raises:
        FileNotFoundError: DPF, or the headers for the window, are not there.
        DpfError: It is another version of DPF.
        CompileError: The compiler failed.
    """
    if not (dpf / "distrho").is_dir():
        raise FileNotFoundError(f"{dpf} has no DPF. Install Debian's dpf-source, or name a copy with --dpf.")
    if for_windows and "LV2" in formats:
        raise ValueError("LV2 cannot be built for another system. Leave it out of the formats.")
    if has_window and not for_windows and not _has_window_headers(compiler):
        raise FileNotFoundError(
            "the window needs the headers of OpenGL and X11. Install Debian's libgl-dev and libx11-dev, or "
            "build with --no-window."
        )
    output.mkdir(parents=True, exist_ok=True)
    made = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        copy = copy_fixed_dpf(dpf, work)
        plain = [flag for flag in _FLAGS if not (for_windows and flag == "-fPIC")]
        drawing = [*_WINDOW_FLAGS, *([] if for_windows else ["-DHAVE_X11"])] if has_window else []
        _say("the core")
        core = compile_objects(work, compiler, for_windows=for_windows)
        window = []
        if has_window:
            _say("the window")
            window = _compile_dgl(copy, work, compiler, [*plain, *drawing])
        tables = _tables(work, compiler, for_windows=for_windows)
        for name in names:
            num_channels = CHANNELS[name]
            include = [f"-I{path}" for path in (copy / "distrho", copy / "dgl", PLUGIN, CORE)]
            flags = [*plain, *drawing, f"-DHUSHGATE_CHANNELS={num_channels}", *include]
            for format in formats:
                plugin, binary = _place(output, name, format, for_windows=for_windows)
                _say(plugin.name)
                target = [*flags, f"-DDISTRHO_PLUGIN_TARGET_{format}"]
                sources = [copy / "distrho" / "DistrhoPluginMain.cpp", PLUGIN / "plugin.cpp"]
                if has_window:
                    sources += [copy / "distrho" / "DistrhoUIMain.cpp", PLUGIN / "window" / "window.cpp"]
                objects = [
                    compile_file(compiler, source, work / f"{source.stem}.o", target) for source in sources
                ]
                objects += [*tables, *core, *window]
                libraries = list(_WINDOW_LIBRARIES) if has_window else []
                if for_windows:
                    libraries = list(_WINDOWS_LIBRARIES)
                binary.parent.mkdir(parents=True, exist_ok=True)
                undefined = [] if for_windows else ["-Wl,--no-undefined"]
                link(binary, objects, compiler, libraries=[*libraries, *undefined], for_windows=for_windows)
                if format == "LV2":
                    _describe(plugin, binary)
                _add_licences(plugin)
                made.append(plugin)
    return made


def _has_window_headers(compiler: str) -> bool:
    command = [compiler, "-E", "-x", "c++", "-include", "GL/gl.h", "-include", "X11/Xlib.h", "/dev/null"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _compile_dgl(dpf: Path, work: Path, compiler: str, common: Sequence[str]) -> list[Path]:
    """Objects of DPF's window, which are the same for every format."""
    source = dpf / "dgl" / "src"
    flags = [*common, f"-I{dpf / 'dgl'}", f"-I{source}", "-DDONT_SET_USING_DGL_NAMESPACE"]
    flags += [f"-I{source / 'pugl-upstream' / 'include'}"]
    return [
        compile_file(compiler, source / f"{name}.cpp", work / f"dgl_{name}.o", flags) for name in _DGL_SOURCES
    ]


def _place(output: Path, name: str, format: str, *, for_windows: bool) -> tuple[Path, Path]:
    """Paths of a plugin and of the binary in it."""
    if format == "CLAP":
        return output / f"{name}.clap", output / f"{name}.clap"
    if format == "LV2":
        return output / f"{name}.lv2", output / f"{name}.lv2" / f"{name}.so"
    plugin = output / f"{name}.vst3"
    if for_windows:
        return plugin, plugin / "Contents" / "x86_64-win" / f"{name}.vst3"
    return plugin, plugin / "Contents" / f"{platform.machine()}-linux" / f"{name}.so"


def _add_licences(plugin: Path) -> None:
    """Put the licences into a plugin, or beside one that is a single file."""
    folder = {".lv2": plugin, ".clap": plugin.parent, ".vst3": plugin / "Contents" / "Resources"}[
        plugin.suffix
    ]
    folder.mkdir(exist_ok=True)
    for text in LICENCES:
        shutil.copyfile(text, folder / text.name)


def _say(what: str) -> None:
    print(f"compiling {what}", flush=True)


def _describe(plugin: Path, binary: Path) -> None:
    """Let an LV2 plugin of DPF write manifest.ttl and the rest beside its binary."""
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).lv2_generate_ttl(sys.argv[2].encode())"
    command = [sys.executable, "-c", code, str(binary.resolve()), plugin.stem]
    subprocess.run(command, cwd=plugin, check=True, capture_output=True)


def _tables(work: Path, compiler: str, *, for_windows: bool = False) -> list[Path]:
    """Objects of the tables in plugin/tables.h: parameters and presets, and the models' weights files."""
    from hushgate.engine import available_models, load_model
    from hushgate.engine.native.compile_model import compile_model

    models = plugin_models(available_models())
    assembly = ['.section .rdata,"dr"' if for_windows else ".section .rodata"]
    for model in models:
        weights = work / f"{model}.hush"
        weights.write_bytes(compile_model(load_model(model)))
        assembly += [".balign 64", f".global hushgate_{model}_begin", f".global hushgate_{model}_end"]
        assembly += [f"hushgate_{model}_begin:", f'.incbin "{weights}"', f"hushgate_{model}_end:"]
    if not for_windows:
        assembly += ['.section .note.GNU-stack,"",%progbits']
    (work / "models.S").write_text("\n".join(assembly) + "\n", encoding="utf-8")
    (work / "tables.cpp").write_text(tables_source(models), encoding="utf-8")
    pic = [] if for_windows else ["-fPIC"]
    return [
        compile_file(compiler, work / "models.S", work / "models.o", []),
        compile_file(compiler, work / "tables.cpp", work / "tables.o", ["-std=c++17", *pic, f"-I{PLUGIN}"]),
    ]


def plugin_models(models: Iterable[str]) -> list[str]:
    """Models by their numbers in the plugin: those that shipped first come first, as hosts keep numbers."""
    return sorted(models, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))


def tables_source(models: Sequence[str]) -> str:
    """C++ of the tables: names, ranges and words of `engine/parameters.py`, presets of `presets/`."""
    from hushgate.engine.parameters import PARAMETERS

    lines = ['#include "tables.h"', "#include <limits>", "namespace hushgate_plugin {"]
    lines += [
        f'extern "C" const unsigned char hushgate_{model}_{end}[];'
        for model in models
        for end in ("begin", "end")
    ]
    rows = []
    for parameter in (PARAMETERS[name] for name in core_parameters()):
        end_word, end, end_value = "nullptr", "0.0f", "0.0"
        choices = parameter.choices or ()
        initial = parameter.default
        for value, word in parameter.special.items():
            is_upper = value is None
            end_word = f'"{word}"'
            end = f"{parameter.maximum if is_upper else parameter.minimum}f"
            end_value = ("" if is_upper else "-") + "std::numeric_limits<double>::infinity()"
        unit = {"dBFS": "dB"}.get(parameter.unit, parameter.unit)
        words = parameter.name.removesuffix(f"_{unit.lower()}").replace("_", " ")
        rows.append(
            _row(
                parameter.name, words, unit, parameter.description,
                (0.0, len(choices) - 1.0) if choices else (parameter.minimum, parameter.maximum),
                plugin_value(parameter.name, initial), choices, (end_word, end, end_value),
            )
        )  # fmt: skip
        if choices:
            lines.append(_choices(parameter.name, choices))
    lines.append(_choices("model", models))
    rows.append(
        _row(
            "model",
            "model",
            "",
            "What is kept.",
            (0.0, len(models) - 1.0),
            0.0,
            models,
            ("nullptr", "0.0f", "0.0"),
        )
    )
    lines += ["const ParameterRow kParameters[] = {", *rows, "};"]
    lines.append(f"const int kNumParameters = {len(rows)};")
    presets = _presets(models)
    lines += [
        f"static const float preset{index}[] = {{{values}}};" for index, (_, values) in enumerate(presets)
    ]
    lines += ["const PresetRow kPresets[] = {"]
    lines += [f'{{"{name}", preset{index}}},' for index, (name, _) in enumerate(presets)]
    lines += ["};", f"const int kNumPresets = {len(presets)};", "const ModelRow kModels[] = {"]
    lines += [f'{{"{model}", hushgate_{model}_begin, hushgate_{model}_end}},' for model in models]
    lines += ["};", f"const int kNumModels = {len(models)};", "}"]
    return "\n".join(lines) + "\n"


def core_parameters() -> list[str]:
    """Names of the core's parameters by their numbers; it may lack the newest of `engine/parameters.py`."""
    source = (CORE / "hushgate.cpp").read_text(encoding="utf-8")
    names = source[source.index("kNames[") :]
    return re.findall(r'"(\w+)"', names[: names.index(";")])


def plugin_value(name: str, value: object) -> float:
    """A parameter's value as the plugin counts: choices from 0, words at the ends of ranges."""
    from hushgate.engine.parameters import PARAMETERS

    parameter = PARAMETERS[name]
    if parameter.choices is not None:
        return float(parameter.choices.index(str(value)))
    if value is None:
        return parameter.maximum
    number = float(value)  # type: ignore[arg-type]
    return parameter.minimum if number == -math.inf else number


def _row(
    symbol: str,
    name: str,
    unit: str,
    description: str,
    limits: tuple[float, float],
    initial: float,
    choices: Sequence[str],
    end: tuple[str, str, str],
) -> str:
    texts = ", ".join(f'"{text}"' for text in (symbol, name, unit, description))
    words = f"{symbol}_choices" if choices else "nullptr"
    numbers = f"{limits[0]}f, {limits[1]}f, {initial}f, {len(choices)}, {words}"
    return f"{{{texts}, {numbers}, {', '.join(end)}}},"


def _choices(name: str, choices: Sequence[str]) -> str:
    words = ", ".join(f'"{choice}"' for choice in choices)
    return f"static const char* const {name}_choices[] = {{{words}}};"


def _presets(models: Sequence[str]) -> list[tuple[str, str]]:
    """Names and values of the programs: the defaults, and the shipped presets that one denoiser stands for.

    Hosts take the first program for the one that a new plugin has, and for what a state leaves open.
    """
    from hushgate import available_presets
    from hushgate.effects.single_denoiser import as_denoiser
    from hushgate.engine.parameters import PARAMETERS

    defaults = [plugin_value(name, PARAMETERS[name].default) for name in core_parameters()]
    presets = [("default", _values([*defaults, 0.0]))]
    for name in available_presets():
        denoiser = as_denoiser(name, model=models[0])
        if denoiser is not None and denoiser.model in models:
            values = [plugin_value(key, getattr(denoiser, key)) for key in core_parameters()]
            values.append(float(list(models).index(denoiser.model)))
            presets.append((name, _values(values)))
    return presets


def _values(values: Iterable[float]) -> str:
    return ", ".join(f"{value}f" for value in values)


def main() -> None:
    """Compile into the folder of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--compiler", default=find_compiler())
    parser.add_argument("--dpf", type=Path, default=DPF)
    parser.add_argument("--format", action="append", choices=FORMATS)
    parser.add_argument("--no-window", action="store_true")
    args = parser.parse_args()
    if args.compiler is None:
        sys.exit(NO_COMPILER)
    formats, has_window = args.format or FORMATS, not args.no_window
    try:
        build_plugins(args.output, args.compiler, dpf=args.dpf, formats=formats, has_window=has_window)
    except (CompileError, DpfError, FileNotFoundError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
