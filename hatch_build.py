"""Builds a wheel with the modules of the hot path compiled, if asked: `ENTRYWAY_COMPILE=1 pip install ".[server]"`.

Without the variable the wheel is pure Python, and so is every editable installation. The compiled modules are made from
the same files, by mypyc; nothing but speed tells them apart (docs/decisions/0125-compiled-where-it-is-asked-for.md).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "ENTRYWAY_COMPILE"
# What every request passes through and what only computes: no module of these opens, waits for or keeps anything.
COMPILED = (
    "http/body_writer",
    "http/headers",
    "http/heads",
    "http/held_back",
    "http/messages",
    "http/parsing",
    "http/request_reader",
    "http/response_reader",
    "http/response_writer",
    "http/target",
    "router/access",
    "router/access_log",
    "router/conditions",
    "router/cookies",
    "router/csrf",
    "router/forward",
    "router/notes",
    "router/paths",
    "router/returned",
    "router/routes",
)
TOOLS = ["mypy>=1.14", "setuptools"]
# mypyc reports types as mypy does; `make check` has judged them, with all that this build may lack.
OPTIONS = ["--config-file=", "--ignore-missing-imports", "--disable-error-code=no-any-return"]


class CompileHook(BuildHookInterface):  # type: ignore[misc]
    """Adds the compiled modules to a wheel."""

    def dependencies(self) -> list[str]:
        """Name what the build needs beyond hatchling."""
        return TOOLS if _wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that the wheel is for this Python and this machine."""
        if not _wanted() or self.target_name != "wheel" or version == "editable":
            return
        source, built = Path(self.root, "src"), Path(tempfile.mkdtemp())
        compile_modules(source, built)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        for library in built.rglob("*.so"):
            build_data["force_include"][str(library)] = str(library.relative_to(built))


def compile_modules(source: Path, built: Path) -> None:
    """Compile the modules below `source` (the folder of the package) into libraries below `built`."""
    files = [f"entryway/{module}.py" for module in COMPILED]
    setup = built / "setup.py"
    setup.write_text(
        "from mypyc.build import mypycify\nfrom setuptools import setup\n"
        f"setup(name='entryway', packages=[], ext_modules=mypycify({[*OPTIONS, *files]!r}, opt_level='3'))\n"
    )
    command = [sys.executable, str(setup), "-q", "build_ext", "--build-lib", str(built), "--build-temp", str(built)]
    subprocess.run(command, cwd=source, check=True, env=os.environ | {"MYPYPATH": str(source)})


def _wanted() -> bool:
    return os.environ.get(VARIABLE, "") not in ("", "0")
