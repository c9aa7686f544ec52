"""Loads structlog for processes of our own, without what it would load besides.

structlog tries to load rich, with Pygments, for tracebacks that show variables (ours never do: they may hold
secrets), and greenlet. That is 5 MB of a router's 57. Who has Entryway in a program of theirs keeps both.
"""

from __future__ import annotations

import sys

UNUSED = ("greenlet", "rich")


def load_structlog() -> None:
    """Load it; what is unused can be loaded afterwards by whoever wants it."""
    hidden = [name for name in UNUSED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment] # so that importing it says that it is not there
    try:
        import structlog  # noqa: F401, PLC0415
    finally:
        for name in hidden:
            del sys.modules[name]
