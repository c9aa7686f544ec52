"""`entryway services`."""

import gc
from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.admin_port import AdminPort
from entryway.cli.log_settings import start_logging

EPILOG = """[bold]Examples[/bold]

    entryway services                              https://localhost:8443, state in ./.entryway

    entryway services --state /var/lib/entryway --port 9443

    entryway services --certificate-port 9446      clients may come there with a TLS certificate

    entryway services --admin-port 9443            metrics and health at http://127.0.0.1:9443

Runs until SIGTERM or Ctrl-C and then ends with 0.
"""


def services(
    state: Annotated[
        Path, typer.Option(help="Folder of certificates, secrets and databases; created if missing.")
    ] = Path(".entryway"),
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="HTTPS port; the one of the state, else 8443.")
    ] = None,
    certificate_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="HTTPS port at which clients show certificates; may be the same. The one of the state, else none.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    admin_port: AdminPort = None,
) -> None:
    """Run the control plane: authorization server, destination service, broker and pairing on one HTTPS port."""
    start_logging()
    # What a start loads stays: looking for what does not would take a tenth of it. `serve` has it looked for again.
    gc.disable()
    from entryway.landscape.services import run

    run(state, host=host, port=port, certificate_port=certificate_port, admin_port=admin_port)
