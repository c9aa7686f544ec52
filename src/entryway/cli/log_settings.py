"""How a command's process logs: as its environment says, else as the reader needs it."""

import os
import sys
from collections.abc import Mapping

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.lean_start import load_structlog

FORMATS = ("json", "text")
LEVELS = ("debug", "info", "warning", "error", "critical")


def start_logging(environ: Mapping[str, str] = os.environ) -> None:
    """Configure the logs from ENTRYWAY_LOG_FORMAT and ENTRYWAY_LOG_LEVEL; text on a terminal, JSON elsewhere."""
    default = "text" if sys.stderr.isatty() else "json"
    chosen = environ.get("ENTRYWAY_LOG_FORMAT") or default
    level = environ.get("ENTRYWAY_LOG_LEVEL") or "info"
    mistakes = [
        Mistake("the environment", name, f"{value!r} is not known", f"one of {', '.join(known)}")
        for name, value, known in (
            ("ENTRYWAY_LOG_FORMAT", chosen, FORMATS),
            ("ENTRYWAY_LOG_LEVEL", level.lower(), LEVELS),
        )
        if value not in known
    ]
    if mistakes:
        raise ConfigurationMistakes(mistakes)
    load_structlog()
    from entryway.telemetry import configure_logging

    configure_logging(json=chosen == "json", level=level)


def stay_quiet() -> None:
    """Log warnings only: for commands whose output is for a person or for another command."""
    load_structlog()
    from entryway.telemetry import configure_logging

    configure_logging(json=False, level="warning")
