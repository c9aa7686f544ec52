"""The files that configure a router, and whether one has been written again."""

from __future__ import annotations

import os
from pathlib import Path

from entryway.config.xs_app import XS_APP

WATCHED = (XS_APP, "default-env.json", "default-services.json")

Stamps = tuple[tuple[int, int, int] | None, ...]
"""What differs when one of the files has been written again."""


def stamps_of(workdir: Path) -> Stamps:
    """Return the stamps of the files as they are now."""
    return tuple(_stamp(workdir / name) for name in WATCHED)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - the watcher runs all day: no detour
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
