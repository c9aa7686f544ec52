"""Logs: structured facts on standard error, as JSON for machines or as coloured lines for people."""

from entryway.telemetry.logs import Logger, configure_logging, get_logger, set_level

__all__ = ["Logger", "configure_logging", "get_logger", "set_level"]
