"""`entryway router`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.log_settings import start_logging

EPILOG = """[bold]Examples[/bold]

    entryway router                     the application router of the current folder, on port 5000

    PORT=8080 entryway router -w web    the one in web/, on port 8080
"""


def router(
    workdir: Annotated[
        Path, typer.Option("--workdir", "-w", help="Folder with xs-app.json, default-env.json, default-services.json.")
    ] = Path(),
) -> None:
    """Run the application router of one folder.

    It reads xs-app.json, default-env.json and default-services.json there, and PORT, VCAP_SERVICES, destinations and
    the other variables of the environment.
    """
    start_logging()
    from entryway.router.run import run

    raise typer.Exit(run(workdir, os.environ))
