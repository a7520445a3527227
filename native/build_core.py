"""Compile the core into one shared library. Needs a C++17 compiler (GCC or clang) and nothing else.

usage: python native/build_core.py OUTPUT [--compiler g++] [--flag=-g ...]

There are a dozen files without dependencies. Tests and the builds of the distribution and of the plugins call
`compile_core`; CMake would add a language and a tool to that.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CORE = Path(__file__).resolve().parent / "core"
KERNELS = "kernels.cpp"
# Exceptions end in hushgate.cpp. The flags about mathematics allow vectors of square roots and choices; they
# change no result but that of errno and of floating-point traps, which nothing here uses.
FLAGS = (
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-Wall",
    "-Wextra",
    "-fvisibility=hidden",
    "-fvisibility-inlines-hidden",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
)
_AVX512 = ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mprefer-vector-width=512")
# Name: (floats in a vector, flags).
X86_KERNELS = {
    "base": (4, ()),
    "avx2": (8, ("-mavx2", "-mfma")),
    "avx512": (16, ("-mavx2", "-mfma", *_AVX512)),
}
OTHER_KERNELS = {"base": (4, ())}


NO_COMPILER = "no C++17 compiler (g++ or clang++); CXX may name one program, without arguments."


class CompileError(RuntimeError):
    """The compiler failed; the message is its own."""


def find_compiler() -> str | None:
    """The C++ compiler: that of the variable CXX, or g++, clang++ or c++ where there is one."""
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++", "c++"]
    return next((path for name in names if (path := shutil.which(name))), None)


def compile_core(
    output: Path, compiler: str, *, machine: str | None = None, flags: Sequence[str] = ()
) -> Path:
    """Write the shared library and return its path.

    Args:
        output: File to write.
        compiler: Command of the compiler.
        machine: Processor to compile for, as `platform.machine`; None for this one.
        flags: More flags for every file and for the linker.

    Raises:
        CompileError: The compiler failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        objects = compile_objects(Path(folder), compiler, machine=machine, flags=flags)
        link(output, objects, compiler, flags=flags)
    return output


def compile_objects(
    folder: Path,
    compiler: str,
    *,
    machine: str | None = None,
    flags: Sequence[str] = (),
    for_windows: bool = False,
) -> list[Path]:
    """Compile the core's files into a folder and return the objects; arguments as `compile_core`.

    for_windows: The compiler makes programs for Windows, whose code needs no flag to be position-independent.
    """
    is_x86 = (machine or platform.machine()).lower() in ("x86_64", "amd64")
    plain = [flag for flag in FLAGS if not (for_windows and flag == "-fPIC")]
    common = [*plain, *(["-DHUSHGATE_X86"] if is_x86 else []), *flags]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = []
        for source in sorted(CORE.rglob("*.cpp")):
            if source.name != KERNELS:
                jobs.append(pool.submit(compile_file, compiler, source, folder / f"{source.stem}.o", common))
        for name, (width, extra) in (X86_KERNELS if is_x86 else OTHER_KERNELS).items():
            own = [*common, f"-DHUSHGATE_KERNELS={name}", f"-DHUSHGATE_WIDTH={width}", *extra]
            target = folder / f"kernels_{name}.o"
            jobs.append(pool.submit(compile_file, compiler, CORE / KERNELS, target, own))
        return [job.result() for job in jobs]


def link(
    output: Path,
    objects: Sequence[Path],
    compiler: str,
    *,
    flags: Sequence[str] = (),
    libraries: Sequence[str] = (),
    for_windows: bool = False,
) -> None:
    """Link objects into a shared library."""
    # The C++ library goes in, so that the result runs on systems with an older one.
    static = ["-static-libgcc", "-static-libstdc++"] if sys.platform == "linux" and not for_windows else []
    run([compiler, "-shared", *static, *flags, "-o", str(output), *map(str, objects), *libraries])


def compile_file(compiler: str, source: Path, target: Path, flags: Sequence[str]) -> Path:
    """Compile one file and return the object."""
    run([compiler, *flags, "-c", str(source), "-o", str(target)])
    return target


def run(command: Sequence[str]) -> None:
    """Run a compiler.

    Raises:
        CompileError: It failed; the message is its own.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompileError(f"{' '.join(command)}\n{done.stderr}")
    if done.stderr.strip():
        print(done.stderr)


def main() -> None:
    """Compile to the path of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--compiler", default=find_compiler())
    parser.add_argument("--flag", action="append", default=[])
    args = parser.parse_args()
    if args.compiler is None:
        sys.exit(NO_COMPILER)
    try:
        compile_core(args.output, args.compiler, flags=args.flag)
    except CompileError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
