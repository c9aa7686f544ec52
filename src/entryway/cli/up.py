"""`entryway up`."""

from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.log_settings import stay_quiet

EPILOG = """[bold]Examples[/bold]

    entryway up                                     the application of the current folder

    entryway up examples/products --port services=9443 --port router=5001

Stop it with Ctrl-C. State is kept in DIR/.entryway; the next start reuses it.
"""


def up(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with mta.yaml or manifest.yml.")] = Path(),
    port: Annotated[
        list[str] | None,
        typer.Option(
            "--port",
            metavar="NAME=NUMBER",
            help="Port of services, gateway, onpremise-proxy or of a module; may be repeated; wins over entryway.yaml.",
        ),
    ] = None,
) -> None:
    """Start the application of a folder with everything that stands behind it, on this machine."""
    stay_quiet()
    from entryway.landscape.up import run

    raise typer.Exit(run(folder, port or []))
