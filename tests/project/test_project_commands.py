"""The command lines that the documentation shows are ones that the command line understands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer._click.core import Command, Context
from typer.core import TyperGroup
from typer.main import get_command

from entryway.cli.commands import app

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*/README.md")))
FENCED = re.compile(r"^\s*```.*?^\s*```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(entryway [^`]+)`")


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Yield every command line of the pages that is written out, with its page."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in FENCED.findall(text) for line in block.replace("\\\n", " ").splitlines()]
        for line in [*lines, *INLINE.findall(FENCED.sub("", text))]:
            for written in re.findall(r"(?:^|[ (=;])(entryway [a-z-][^|>&;)]*)", "" if "<" in line else line):
                # What is in brackets may be left out, and so must be understood where it is not.
                yield page.name, shlex.split(written.replace("[", "").replace("]", ""), comments=True)[1:]


def is_example(words: list[str]) -> bool:
    """Whether a line is more than the name of a command."""
    return len(words) > 2 or any(word.startswith("-") for word in words)


LINES = [
    (page, words)
    for page, words in command_lines()
    if is_example(words) and not {"--install-completion", "--version"} & {*words}
]


def understood(words: list[str]) -> None:
    """Parse a line as the command line would, and run nothing."""
    command: Command | None = get_command(app)
    parent: Context | None = None
    while command is not None:
        parent = command.make_context(command.name, list(words), parent=parent)
        name, *words = [*parent._protected_args, *parent.args] or [""]
        if not isinstance(command, TyperGroup):
            return
        command = command.get_command(parent, name)
    pytest.fail(f"there is no such command: {name}")


@pytest.mark.parametrize(("page", "words"), LINES, ids=[f"{page}: {' '.join(words)}"[:90] for page, words in LINES])
def test_a_command_line_of_the_documentation_is_understood(page: str, words: list[str]) -> None:
    understood(words)


def test_there_are_such_lines() -> None:
    assert len(LINES) > 60
