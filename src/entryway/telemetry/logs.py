"""How the processes of Entryway log.

`ENTRYWAY_LOG_FORMAT` (`json` or `text`) and `ENTRYWAY_LOG_LEVEL` choose; the command line reads them and calls
`configure_logging` once. Records of libraries (Granian, httpx) take the same way out.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, TypeAlias, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from entryway.telemetry.lines import as_json, plain_line
from entryway.telemetry.printable import plain_exception, printable_record
from entryway.telemetry.redaction import without_secrets

Logger: TypeAlias = FilteringBoundLogger

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
_NAMED = {"part"}
# Libraries speak up only when something is wrong; our own events tell the rest.
QUIET_LIBRARIES = dict.fromkeys(("httpx", "httpcore", "asyncio", "alembic"), logging.WARNING)


class _StandardError:
    """Standard error as it is when a record is written: who runs us within a program of theirs may replace it."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def configure_logging(*, json: bool, level: str = "info", stream: TextIO | None = None) -> None:
    """Send every record of this process to standard error in one shape."""
    out = stream or cast("TextIO", _StandardError())
    threshold = LEVELS.get(level.lower(), logging.INFO)
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        # People read the clock on their wall; machines compare across hosts.
        structlog.processors.TimeStamper(fmt="iso", utc=True)
        if json
        else structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        without_secrets,
    ]
    rendering: list[Processor] = _rendering(json=json, colors=_wants_colors(out))
    structlog.configure(
        processors=[*shared, structlog.processors.StackInfoRenderer(), *rendering],
        wrapper_class=_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared, _name_part],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    for name, quiet in QUIET_LIBRARIES.items():
        logging.getLogger(name).setLevel(max(quiet, threshold))


def set_level(level: str) -> None:
    """Change what is logged from now on; loggers that have spoken already keep their level."""
    threshold = LEVELS[level]
    structlog.configure(wrapper_class=_bound_logger(threshold))
    logging.getLogger().setLevel(threshold)


def get_logger(name: str) -> Logger:
    """Return the logger of one part of Entryway, named in every record as `part`."""
    logger: Logger = structlog.get_logger(part=name)
    return logger


def _bound_logger(threshold: int) -> type[FilteringBoundLogger]:
    """Return structlog's class of loggers, with less between a record and what makes a line of it."""
    given: Any = structlog.make_filtering_bound_logger(threshold)
    if threshold > logging.INFO:
        return cast("type[FilteringBoundLogger]", given)

    def info(self: Any, event: str, *args: Any, **values: Any) -> Any:
        if args:
            return given.info(self, event, *args, **values)
        context = self._context
        if self._processors[-1] is _as_json and context.keys() == _NAMED:
            # What the processors do for nearly every record, without asking each of them.
            line = plain_line(context["part"], event, values)
            if line is not None:
                return self._logger.info(line)
        record: Any = {**context, **values, "event": event}
        try:
            for processor in self._processors:
                record = processor(self._logger, "info", record)
        except structlog.DropEvent:
            return None
        return self._logger.info(record) if isinstance(record, str) else given.info(self, event, **values)

    return cast("type[FilteringBoundLogger]", type("BoundLogger", (given,), {"info": info}))


def _name_part(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["part"] = event["_record"].name
    return event


def _rendering(*, json: bool, colors: bool) -> list[Processor]:
    if json:
        return [structlog.processors.format_exc_info, _as_json]
    renderer = structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0, exception_formatter=plain_exception)
    return [printable_record, renderer]


def _as_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return as_json(event)


def _wants_colors(out: TextIO) -> bool:
    # https://no-color.org: any non-empty value switches colours off.
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or out.isatty()
