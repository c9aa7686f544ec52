"""`entryway idp`."""

from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.admin_port import AdminPort
from entryway.cli.log_settings import start_logging

EPILOG = """[bold]Examples[/bold]

    entryway idp                                   https://localhost:8445, state in ./.entryway

    entryway idp --state /var/lib/entryway --port 9445

Mail goes to the server that ENTRYWAY_MAIL_HOST names, else into the folder mail of the state.
Runs until SIGTERM or Ctrl-C and then ends with 0.
"""


def idp(
    state: Annotated[
        Path, typer.Option(help="Folder of certificates, secrets and databases; created if missing.")
    ] = Path(".entryway"),
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="HTTPS port; the one of the state, else 8445.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    admin_port: AdminPort = None,
) -> None:
    """Run the identity provider: users, groups, second factors, and logins for applications."""
    start_logging()
    from entryway.landscape.identity_provider import run

    run(state, host=host, port=port, admin_port=admin_port)
