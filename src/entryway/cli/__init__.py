"""The command line: one file per command, errors told in one place (`outcome`)."""

from entryway.cli.commands import app, main

__all__ = ["app", "main"]
