"""`entryway version`."""

import platform
from importlib import metadata

import typer


def version() -> None:
    """Print the version of Entryway and of the Python it runs on."""
    typer.echo(f"entryway {metadata.version('entryway')} (Python {platform.python_version()}, {platform.system()})")
