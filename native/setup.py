"""Build of the distribution hushgate-native: the core is compiled into the package, and for the web page.

With HUSHGATE_WITH_PLUGINS=1 the plugins too: that needs hushgate (pip wheel --no-build-isolation) and DPF.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from build_core import NO_COMPILER, CompileError, compile_core, find_compiler  # noqa: E402
from build_plugins import build_plugins  # noqa: E402
from build_wasm import compile_wasm  # noqa: E402
from build_wasm import find_compiler as find_wasm_compiler  # noqa: E402


class BuildWithCore(build_py):
    """Also compiles the library, and the core in WebAssembly where there is a compiler for it."""

    def run(self) -> None:
        super().run()
        compiler = find_compiler()
        if compiler is None:
            sys.exit(NO_COMPILER)
        package = (HERE if self.editable_mode else Path(self.build_lib)) / "hushgate_native"
        compile_core(package / "libhushgate.so", compiler)
        if os.environ.get("HUSHGATE_WITH_PLUGINS") == "1":
            if importlib.util.find_spec("hushgate") is None:
                sys.exit("the plugins need hushgate: install it, and build with --no-build-isolation.")
            build_plugins(package / "plugins", compiler)
        wasm_compiler = find_wasm_compiler()
        if wasm_compiler is None:
            print("no clang for WebAssembly: hushgate web needs --build", file=sys.stderr)
            return
        try:
            compile_wasm(package / "hushgate.wasm", wasm_compiler)
        except CompileError as error:
            print(f"no core in WebAssembly: {error}", file=sys.stderr)


class PlatformWheel(bdist_wheel):
    """A wheel for one platform and every Python: nothing in it is tied to an interpreter."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


class PlatformDistribution(Distribution):
    """Holds a compiled file."""

    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"build_py": BuildWithCore, "bdist_wheel": PlatformWheel}, distclass=PlatformDistribution)
