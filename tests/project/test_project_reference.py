"""The reference stays complete: every error, key and variable that the code knows, and none that it does not."""

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
from entryway.config.xs_app_environment import UNSUPPORTED
from entryway.config.xs_security_wire import XsSecurityWire
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


def keys_of(model: type[BaseModel], seen: set[type[BaseModel]] | None = None) -> set[str]:
    """Return the keys of a document and of all documents inside it."""
    seen = set() if seen is None else seen
    if model in seen:
        return set()
    seen.add(model)
    keys: set[str] = set()
    for name, field in model.model_fields.items():
        keys.add(field.alias or name)
        for inner in models_in(field.annotation):
            keys |= keys_of(inner, seen)
    return keys


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def test_every_key_of_a_descriptor_is_documented() -> None:
    page = (REFERENCE / "xs-security-json.md").read_text(encoding="utf-8")
    assert [key for key in sorted(keys_of(XsSecurityWire) - {"keys"}) if f"`{key}`" not in page] == []


def section(page: str, *, without: str) -> list[str]:
    text = (REFERENCE / page).read_text(encoding="utf-8").partition(without)[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [name for line in lines for name in re.findall(r"`([^`]+)`", line.split(" | ")[0])]


def test_every_key_of_the_file_is_documented_and_no_other() -> None:
    listed = section("xs-app-json.md", without="## Mistakes")
    assert set(listed) == keys_of(XsAppDocument) | keys_of(RouteDocument)


def test_every_key_of_a_plugin_is_named() -> None:
    text = (REFERENCE / "xs-app-json.md").read_text(encoding="utf-8")
    [plugins] = re.findall(r"^Plugins .*?\n\n", text, flags=re.DOTALL | re.MULTILINE)
    top = {field.alias or name for name, field in PluginDocument.model_fields.items()}
    assert set(re.findall(r"`([^`]+)`", plugins)) == top | {"plugins"}


READERS = (
    "config/environment_*.py",
    "config/xs_app_environment.py",
    "config/external_sessions.py",
    "config/operation.py",
    "config/bindings.py",
    "config/identity.py",
    "config/mounts.py",
    "clients/tls.py",
    "cli/log_settings.py",
    "telemetry/*.py",
    "router/*.py",
)
"""What reads the environment of a router."""
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|PORT|CORS|COOKIES|COMPRESSION|destinations|httpHeaders|plugins")


def variables_in_the_code() -> set[str]:
    """Return every text of the code that can only be a variable's name."""
    return {
        node.value
        for pattern in READERS
        for path in SOURCE.glob(pattern)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLE.fullmatch(node.value)
    }


def test_every_variable_is_documented_and_no_other() -> None:
    listed = section("environment.md", without="## Destinations\n")
    assert len(listed) == len(set(listed))
    assert set(listed) == variables_in_the_code()


def test_variables_without_effect_are_listed_as_such() -> None:
    text = (REFERENCE / "environment.md").read_text(encoding="utf-8")
    listed = text.partition("## Without effect here")[2].partition("## Destinations\n")[0]
    assert dict(re.findall(r"^\| `([A-Z0-9_]+)` \| (.*) \|$", listed, flags=re.MULTILINE)) == UNSUPPORTED


def test_every_key_of_a_destination_is_documented() -> None:
    text = (REFERENCE / "environment.md").read_text(encoding="utf-8").partition("## Destinations\n")[2]
    listed = {name for line in text.splitlines() for name in re.findall(r"`([^`]+)`", line.split(" | ")[0])
              if line.startswith("| `")}  # fmt: skip
    assert listed == keys_of(DestinationDocument)
