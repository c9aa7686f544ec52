"""`xs-app.json`: what it says about an application, and every mistake in it.

`parse_xs_app` reads as much as can be read and returns the mistakes beside it, so that a caller can add those that only
the environment shows; `read_xs_app` is for callers who want the one or the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from entryway.config.json_text import NotJson, read_json
from entryway.config.mistakes import ConfigurationMistakes, Mistake, twice
from entryway.config.schema import check, wrong_type
from entryway.config.xs_app_build import build_xs_app
from entryway.config.xs_app_document import XsAppDocument
from entryway.config.xs_app_model import (
    XS_APP,
    BackendLogout,
    ErrorPage,
    Goal,
    LoginKind,
    Logout,
    Route,
    Scopes,
    ToApplication,
    ToDestination,
    ToFolder,
    ToService,
    XsApp,
)

__all__ = [
    "XS_APP",
    "BackendLogout",
    "ErrorPage",
    "Goal",
    "LoginKind",
    "Logout",
    "Route",
    "Scopes",
    "ToApplication",
    "ToDestination",
    "ToFolder",
    "ToService",
    "XsApp",
    "parse_xs_app",
    "read_xs_app",
]

USER_API = "sap-approuter-userapi"
SIZE_LIMIT = 4 * 1024 * 1024


def read_xs_app(file: Path) -> XsApp:
    """Return what the file says, or raise ConfigurationMistakes with every mistake in it; warnings do not count."""
    xs_app, mistakes = parse_xs_app(file)
    errors = [mistake for mistake in mistakes if mistake.severity == "error"]
    if errors or xs_app is None:
        raise ConfigurationMistakes(errors)
    return xs_app


def parse_xs_app(file: Path) -> tuple[XsApp | None, list[Mistake]]:
    """Return what can be read of the file (routes with mistakes are left out) and every mistake in it."""
    content, mistakes = _read_json(file)
    if any(mistake.severity == "error" for mistake in mistakes):
        return None, mistakes
    if not isinstance(content, dict):
        return None, [Mistake(XS_APP, "", wrong_type(content, "object"))]
    root, wrong = check(XsAppDocument, content, XS_APP)
    mistakes += wrong
    if root is None:
        # What is wrong elsewhere must not hide what is wrong in the routes.
        raw = content.get("routes", [])
        root = XsAppDocument(routes=raw if isinstance(raw, list) else [])
    xs_app, more = build_xs_app(root, file.parent)
    return xs_app, mistakes + more


def _read_json(file: Path) -> tuple[Any, list[Mistake]]:
    try:
        with file.open("rb") as opened:
            raw = opened.read(SIZE_LIMIT + 1)
    except OSError as error:
        return None, [Mistake(XS_APP, "", f"cannot be read: {error.strerror}: {file}", _other_folder(error))]
    if len(raw) > SIZE_LIMIT:
        return None, [Mistake(XS_APP, "", f"is larger than {SIZE_LIMIT} bytes")]
    try:
        written = read_json(raw)
    except NotJson as error:
        return None, [Mistake(XS_APP, "", f"Invalid content in {file}: {error.reason}", error.suggestion)]
    return written.value, [twice(XS_APP, name) for name in written.twice]


def _other_folder(error: OSError) -> str:
    return "name its folder with -w" if isinstance(error, FileNotFoundError) else ""
