"""Build of the distribution hushgate-native: the core is compiled into the package."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from build_core import compile_core, find_compiler  # noqa: E402


class BuildWithCore(build_py):
    """Also compiles the library."""

    def run(self) -> None:
        super().run()
        compiler = find_compiler()
        if compiler is None:
            sys.exit("hushgate-native needs a C++17 compiler (g++ or clang++); CXX may name it.")
        compile_core(Path(self.build_lib) / "hushgate_native" / "libhushgate.so", compiler)


class PlatformWheel(bdist_wheel):
    """A wheel for one platform and every Python: nothing in it is tied to an interpreter."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


class PlatformDistribution(Distribution):
    """Holds a compiled file."""

    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"build_py": BuildWithCore, "bdist_wheel": PlatformWheel}, distclass=PlatformDistribution)
