"""Builds a wheel whose hot path is compiled by mypyc, where there is a C compiler.

`ENTRYWAY_COMPILE=0` keeps the wheel pure Python, as every editable installation is; `ENTRYWAY_COMPILE=1` insists, and
fails without a compiler. The compiled modules are made from the same files, and nothing but speed tells them apart
(docs/decisions/0200-compiled-where-there-is-a-compiler.md).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "ENTRYWAY_COMPILE"
# What every request of the router passes through, and what computes in every token request. Asynchronous generators,
# classes that inherit from asyncio's own, and dataclasses whose fields are of types that are imported for the type
# checker alone cannot be compiled: they are in modules of their own (http/generators), as is what is needed once in a
# while.
COMPILED = (
    "http/arrival",
    "http/body",
    "http/body_writer",
    "http/client",
    "http/client_deadlines",
    "http/connection",
    "http/farewell",
    "http/headers",
    "http/heads",
    "http/held_back",
    "http/hosted_asgi",
    "http/known_heads",
    "http/known_lines",
    "http/known_requests",
    "http/known_responses",
    "http/messages",
    "http/origin",
    "http/outbox",
    "http/parsing",
    "http/patience",
    "http/pool",
    "http/refusals",
    "http/repeating",
    "http/request_parser",
    "http/request_reader",
    "http/request_writer",
    "http/response_reader",
    "http/response_writer",
    "http/target",
    "http/turn",
    "http/upstream",
    "landscape/dispatch",
    "oauth/parameters",
    "oauth/signatures",
    "oauth/tokens",
    "router/access",
    "router/access_log",
    "router/address",
    "router/backends",
    "router/compression",
    "router/conditions",
    "router/cookies",
    "router/cors",
    "router/csrf",
    "router/exchange",
    "router/forward",
    "router/hooks",
    "router/identifiers",
    "router/known_forwarding",
    "router/memory_sessions",
    "router/notes",
    "router/paths",
    "router/refresh",
    "router/returned",
    "router/router",
    "router/routes",
    "router/sessions",
    "router/surface",
    "storage/remembered",
    "telemetry/lines",
    "web/edge",
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
        try:
            compile_modules(source, built)
        except subprocess.CalledProcessError:
            if _insisted():
                raise
            self.app.display_warning("The hot path could not be compiled: the wheel is pure Python, and slower.")
            return
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
        f"modules = mypycify({[*OPTIONS, *files]!r}, opt_level='3', group_name='entryway')\n"
        "setup(name='entryway', packages=[], ext_modules=modules)\n"
    )
    command = [sys.executable, str(setup), "-q", "build_ext", "--build-lib", str(built), "--build-temp", str(built)]
    subprocess.run(command, cwd=source, check=True, env=os.environ | {"MYPYPATH": str(source)})


def _wanted() -> bool:
    return _insisted() or (VARIABLE not in os.environ and _can_compile())


def _insisted() -> bool:
    return os.environ.get(VARIABLE, "") not in ("", "0")


def _can_compile() -> bool:
    """Tell whether this is CPython, with its headers and the compiler that extensions are built with."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "").split()
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return (
        sys.implementation.name == "cpython"
        and bool(compiler)
        and shutil.which(compiler[0]) is not None
        and headers.exists()
    )
