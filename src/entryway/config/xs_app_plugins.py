"""Plugins: routes that come from the environment and go before those of `xs-app.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from entryway.config.mistakes import Mistake
from entryway.config.schema import check
from entryway.config.xs_app_build import build_plugin
from entryway.config.xs_app_document import PluginDocument
from entryway.config.xs_app_model import Route

DOCUMENT = "plugins"


def parse_plugins(documents: Sequence[Mapping[str, Any]]) -> tuple[tuple[Route, ...], list[Mistake]]:
    """Return the routes, and every mistake."""
    routes: list[Route] = []
    mistakes: list[Mistake] = []
    for index, raw in enumerate(documents):
        place = f"/{index}"
        document, wrong = check(PluginDocument, raw, DOCUMENT, place)
        mistakes += wrong
        if document is None:
            continue
        route, wrong = build_plugin(document, place, DOCUMENT)
        mistakes += wrong
        if route is not None:
            routes.append(route)
    return tuple(routes), mistakes
