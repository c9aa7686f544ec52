"""The command line: one file per command, errors told in one place (`outcome`)."""

from entryway.cli.commands import main

__all__ = ["main"]
