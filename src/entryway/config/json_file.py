"""JSON files that a descriptor leads to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from entryway.config.json_text import NotJson, read_json
from entryway.config.mistakes import Mistake
from entryway.config.schema import wrong_type

SIZE_LIMIT = 1024 * 1024


def read_json_object(path: Path, file: str) -> tuple[dict[str, Any] | None, list[Mistake]]:
    """Return the object that a file holds, or what is wrong with the file."""
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        # ValueError: no file system has such a name.
        return None, [Mistake(file, "", f"cannot be read: {getattr(error, 'strerror', None) or error}")]
    if len(raw) > SIZE_LIMIT:
        return None, [Mistake(file, "", f"is larger than {SIZE_LIMIT} bytes")]
    try:
        written = read_json(raw)
    except NotJson as error:
        return None, [Mistake(file, "", error.reason, error.suggestion)]
    if not isinstance(written.value, dict):
        return None, [Mistake(file, "", wrong_type(written.value, "object"))]
    return written.value, []
