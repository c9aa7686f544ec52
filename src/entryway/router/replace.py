"""Placeholders in files: `{{name}}` and `{{{name}}}` become what the environment or a bound service says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entryway.config.bindings import Binding
from entryway.config.mistakes import Mistake
from entryway.config.xs_app import XS_APP, Route, ToFolder
from entryway.config.xs_app_document import ReplaceDocument, ReplaceService
from entryway.router.mustache import render

TYPES = {"json": b"application/json", "txt": b"text/plain", "js": b"application/javascript", "css": b"text/css"}


@dataclass(frozen=True, slots=True)
class Replacement:
    """Which files of a folder have placeholders, and what these become."""

    suffixes: tuple[str, ...]
    values: Mapping[str, Any]

    def concerns(self, name: str) -> bool:
        """Tell whether the file has placeholders; a suffix with a slash needs the exact name."""
        return f"/{name}".endswith(self.suffixes)

    def apply(self, text: str) -> str:
        """Fill in every placeholder; what is not listed becomes empty."""
        return render(text, self.values)


def content_type(name: str) -> bytes:
    """Return the type of a file with placeholders; it has no charset, and what is unknown is HTML."""
    return TYPES.get(name.rpartition(".")[2].lower(), b"text/html")


def build_replacement(
    document: ReplaceDocument, environ: Mapping[str, str], bindings: Sequence[Binding]
) -> Replacement:
    """Return the values that the placeholders of a route may have: listed ones alone."""
    values: dict[str, Any] = {name: environ.get(name, "") for name in document.vars}
    for name, wanted in document.services.items():
        binding = find(bindings, name, wanted)
        values[name] = {} if binding is None else binding.credentials
    return Replacement(tuple(document.path_suffixes), values)


def find(bindings: Sequence[Binding], name: str, wanted: ReplaceService) -> Binding | None:
    """Return the first binding with the wanted name, tag and label; without any of them, the one of this name."""
    if wanted.name is None and wanted.tag is None and wanted.label is None:
        wanted = ReplaceService(name=name)
    return next((binding for binding in bindings if _fits(binding, wanted)), None)


def replace_mistakes(routes: Sequence[Route], bindings: Sequence[Binding]) -> list[Mistake]:
    """Return the mistakes that show only when the routes meet the bound services."""
    mistakes = []
    for route in routes:
        if not isinstance(route.goal, ToFolder) or route.goal.replace is None:
            continue
        document = route.goal.replace
        for name, wanted in document.services.items():
            place = f"{route.place}/replace/services/{name}"
            if name in document.vars:
                rule = f"Format validation failed ({name} is both a variable and a service)"
                mistakes.append(Mistake(XS_APP, place, rule))
            if find(bindings, name, wanted) is None:
                mistakes.append(Mistake(XS_APP, place, f"Format validation failed (No service matches {name})"))
    return mistakes


def _fits(binding: Binding, wanted: ReplaceService) -> bool:
    return (
        (wanted.name is None or binding.name == wanted.name)
        and (wanted.label is None or binding.label == wanted.label)
        and (wanted.tag is None or wanted.tag in binding.tags)
    )
