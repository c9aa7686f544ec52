"""`entryway connectivity`."""

from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.admin_port import AdminPort
from entryway.cli.log_settings import start_logging

EPILOG = """[bold]Example[/bold]

    entryway connectivity --state .entryway     beside a running `entryway services` with the same state

Runs until SIGTERM or Ctrl-C and then ends with 0.
"""


def connectivity(
    state: Annotated[
        Path, typer.Option(help="Folder of certificates and secrets that `entryway services` uses.")
    ] = Path(".entryway"),
    admin_port: AdminPort = None,
) -> None:
    """Run the cloud end of the tunnel: the HTTP proxy for applications and the gateway that connectors dial into."""
    start_logging()
    from entryway.landscape.connectivity import run

    run(state, admin_port)
