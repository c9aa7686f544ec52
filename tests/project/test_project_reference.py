"""The reference stays complete: every error, every key and every variable that the code knows, and none that it does not."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

import entryway
from entryway.config.xs_app_destinations import DestinationDocument
from entryway.config.xs_app_document import PluginDocument, RouteDocument, XsAppDocument
from entryway.errors import EntrywayError

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SOURCE = ROOT / "src" / "entryway"


def rows(page: str) -> list[list[str]]:
    """Return the cells of every row of every table whose first cell is code."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("| `")
    ]


def first_cells(page: str) -> list[str]:
    return [name for cells in rows(page) for name in re.findall(r"`([^`]+)`", cells[0])]


def every_error() -> Iterator[type[EntrywayError]]:
    for module in pkgutil.walk_packages(entryway.__path__, "entryway."):
        if not module.name.endswith("__main__") and not module.name.startswith("entryway.testing"):
            importlib.import_module(module.name)
    waiting: list[type[EntrywayError]] = [EntrywayError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("entryway."):
            yield kind


def test_every_error_is_in_the_catalogue() -> None:
    listed = {(code, int(cells[1])) for cells in rows("errors.md") for code in re.findall(r"`([^`]+)`", cells[0])}
    assert listed == {(kind.code, kind.status) for kind in every_error()}


def test_every_error_says_what_to_do() -> None:
    assert [cells[0] for cells in rows("errors.md") if len(cells) != 4 or not all(cells)] == []
