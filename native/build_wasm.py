"""Compile the core to WebAssembly with SIMD, for the web page.

usage: python native/build_wasm.py OUTPUT [--compiler clang++-14]

Needs clang with its linker for WebAssembly, and C and C++ libraries for it: `_PACKAGES` names Debian 12's.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from build_core import CORE, FLAGS, KERNELS, CompileError, compile_file, run

_WEB = Path(__file__).resolve().parent / "web"
_TARGET = ("--target=wasm32-wasi", "-msimd128")
_PACKAGES = "clang-14 lld-14 wasi-libc libc++-14-dev-wasm32 libc++abi-14-dev-wasm32 libclang-rt-14-dev-wasm32"


def find_compiler() -> str | None:
    """A clang that has a linker for WebAssembly: that of the variable HUSHGATE_WASM_CXX, or the newest."""
    named = os.environ.get("HUSHGATE_WASM_CXX")
    names = [named] if named else ["clang++", *(f"clang++-{version}" for version in range(22, 12, -1))]
    return next((path for name in names if (path := shutil.which(name)) and _linker(path)), None)


def _linker(compiler: str) -> str | None:
    """The linker of the compiler's version: wasm-ld-14 for clang++-14."""
    return shutil.which(f"wasm-ld{Path(compiler).name.removeprefix('clang++')}") or shutil.which("wasm-ld")


def compile_wasm(output: Path, compiler: str) -> Path:
    """Write the module and return its path.

    Raises:
        CompileError: The compiler failed, or lacks the libraries for WebAssembly.
    """
    linker = _linker(compiler)
    if linker is None:
        raise CompileError(f"{compiler} has no linker for WebAssembly. Debian has it: {_PACKAGES}.")
    common = [flag for flag in FLAGS if flag != "-fPIC"] + [*_TARGET, "-Wno-unknown-pragmas"]
    with tempfile.TemporaryDirectory() as folder:
        objects = []
        for source in [*sorted(CORE.rglob("*.cpp")), *sorted(_WEB.glob("*.cpp"))]:
            own = ["-DHUSHGATE_KERNELS=base", "-DHUSHGATE_WIDTH=4"] if source.name == KERNELS else []
            target = Path(folder) / f"{source.stem}.o"
            objects.append(compile_file(compiler, source, target, [*common, *own]))
        exports = ["malloc", "free", *_interface()]
        run(
            [
                compiler, _TARGET[0], "-mexec-model=reactor", f"-fuse-ld={linker}", "-Wl,--strip-all",
                *(f"-Wl,--export={name}" for name in exports), *map(str, objects),
                "-lc++", "-lc++abi", "-o", str(output),
            ]
        )  # fmt: skip
    return output


def _interface() -> list[str]:
    """Names of the functions in hushgate.h."""
    header = (CORE / "hushgate.h").read_text(encoding="utf-8")
    return re.findall(r"^HUSHGATE_API .*?(hushgate_\w+)\(", header, re.MULTILINE)


def main() -> None:
    """Compile to the path of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--compiler", default=find_compiler())
    args = parser.parse_args()
    if args.compiler is None:
        sys.exit(f"no clang with a linker for WebAssembly. On Debian 12: apt-get install {_PACKAGES}")
    print("compiling the core", flush=True)
    try:
        compile_wasm(args.output, args.compiler)
    except CompileError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
