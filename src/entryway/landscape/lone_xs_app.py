"""An `xs-app.json` without the application it belongs to, as it is reviewed or passed on: read on its own terms."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from entryway.config.mistakes import Mistake
from entryway.config.xs_app import XS_APP, XsApp, parse_xs_app


def parse_alone(path: Path) -> tuple[XsApp | None, list[Mistake]]:
    """Return what the file says and its mistakes, as if the folders and pages that it names were beside it."""
    try:
        with tempfile.TemporaryDirectory(prefix="entryway-check-") as name:
            place = Path(name).resolve()
            shutil.copyfile(path, place / XS_APP)
            for folder in _inside(_named(path, "routes", "localDir"), place):
                folder.mkdir(parents=True, exist_ok=True)
            for page in _inside(_named(path, "errorPage", "file"), place):
                page.parent.mkdir(parents=True, exist_ok=True)
                page.touch()
            xs_app, mistakes = parse_xs_app(place / XS_APP)
    except OSError as error:
        return None, [Mistake(path.name, "", f"cannot be read: {error.strerror}")]
    return xs_app, [
        replace(mistake, file=path.name, rule=mistake.rule.replace(f"{place / XS_APP}", path.name))
        for mistake in mistakes
    ]


def _named(path: Path, list_name: str, key: str) -> Iterator[str]:
    try:
        content: Any = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return
    entries = content.get(list_name) if isinstance(content, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        name = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(name, str):
            yield name


def _inside(names: Iterator[str], place: Path) -> Iterator[Path]:
    for name in names:
        if "\0" not in name and (place / name).resolve().is_relative_to(place):
            yield (place / name).resolve()
