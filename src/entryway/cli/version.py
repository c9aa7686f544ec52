"""`entryway version`."""

import platform
from importlib import metadata

import typer


def version() -> None:
    """Print the version of Entryway and of the Python it runs on."""
    typer.echo(f"entryway {metadata.version('entryway')} (Python {platform.python_version()}, {platform.system()})")


def show_and_end(asked: bool) -> None:
    """Print it, where the option asks for it."""
    if asked:
        version()
        raise typer.Exit
