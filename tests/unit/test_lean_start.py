"""A process of ours loads nothing that it has no use for; a program that has Entryway in it keeps what it had."""

import subprocess
import sys

import pytest


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_a_router_holds_neither_rich_nor_pygments_nor_greenlet():
    program = (
        "from entryway.lean_start import load_structlog; load_structlog()\n"
        "import sys, entryway.router.run\n"
        "print(sorted({'rich', 'pygments', 'greenlet'} & sys.modules.keys()))\n"
        "import rich, greenlet"
    )
    assert run(program) == "[]"


@pytest.mark.parametrize("module", ["rich", "greenlet"])
def test_what_was_loaded_before_stays(module: str):
    program = (
        f"import sys, {module}\n"
        "from entryway.lean_start import load_structlog; load_structlog()\n"
        f"print(sys.modules[{module!r}] is {module})"
    )
    assert run(program) == "True"
