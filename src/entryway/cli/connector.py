"""`entryway connector`: run, pair, and who is paired."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.admin_port import AdminPort
from entryway.cli.log_settings import start_logging, stay_quiet

app = typer.Typer(
    help="The company end of the tunnel: it listens nowhere and dials out to the connectivity service.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

PAIRING_EPILOG = """[bold]Example[/bold] (beside `entryway services` or `entryway up`)

    entryway connector token --location plant1 > token
"""
PAIR_EPILOG = """[bold]Example[/bold]

    entryway connector pair --config connector.yaml --url https://localhost:8443 --ca ca.pem --token-file token
"""
RUN_EPILOG = """[bold]Example[/bold]

    entryway connector run --config .entryway/connector/connector.yaml

Runs until SIGTERM or Ctrl-C and then ends with 0.
"""
REVOKE_EPILOG = """[bold]Example[/bold]

    entryway connector revoke 0b8f2c9e-3a51-4b77-9d0e-6f2f0f3f5a11
"""
STATE = typer.Option("--state", help="Folder of certificates, secrets and databases of running services.")
TENANT = typer.Option(help="Zone id of the tenant; the first one's unless said otherwise.")
CONFIG = typer.Option("--config", "-c", help="The connector's file of configuration.")


@app.command("run", epilog=RUN_EPILOG)
def run(
    config: Annotated[Path, CONFIG] = Path("connector.yaml"),
    admin_port: AdminPort = None,
) -> None:
    """Dial out to the gateway and serve the systems that the configuration exposes."""
    start_logging()
    from entryway.connector.run import run as run_connector
    from entryway.tunnel.admin import read_admin_address

    run_connector(config, read_admin_address(os.environ, admin_port))


@app.command("token", epilog=PAIRING_EPILOG)
def token(
    location: Annotated[str, typer.Option(help="Location id of the connector; empty unless said otherwise.")] = "",
    state: Annotated[Path, STATE] = Path(".entryway"),
) -> None:
    """Print a token with which one connector may pair once, within ten minutes."""
    stay_quiet()
    from entryway.landscape.running import pairing_token

    typer.echo(pairing_token(state, location))


@app.command("list", epilog="[bold]Example[/bold]\n\n    entryway connector list --json")
def list_connectors(
    state: Annotated[Path, STATE] = Path(".entryway"),
    tenant: Annotated[str, TENANT] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List the connectors that were paired, and until when they may connect."""
    stay_quiet()
    from entryway.landscape.running import connectors

    found = connectors(state, tenant)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for each in found:
        until = f"revoked {each['revoked_at'][:19]}" if each["revoked_at"] else f"until {each['expires_at'][:19]}"
        typer.echo(f"{each['connector_id']}  {until}  {each['location_id'] or '(no location)'}")


@app.command("revoke", epilog=REVOKE_EPILOG)
def revoke(
    connector_id: Annotated[str, typer.Argument(help="What `entryway connector list` shows.")],
    state: Annotated[Path, STATE] = Path(".entryway"),
    tenant: Annotated[str, TENANT] = "",
) -> None:
    """End a connector for good: its tunnel is cut within a second, and its certificate no longer believed."""
    stay_quiet()
    from entryway.landscape.running import revoke_connector

    revoke_connector(state, connector_id, tenant)
    typer.echo(f"{connector_id} is revoked")


@app.command("pair", epilog=PAIR_EPILOG)
def pair(
    url: Annotated[str, typer.Option(help="Address of the control plane, for example https://localhost:8443.")],
    config: Annotated[Path, CONFIG] = Path("connector.yaml"),
    token_file: Annotated[Path, typer.Option(help="File that holds the one-time token; - is standard input.")] = Path(
        "-"
    ),
    location: Annotated[str | None, typer.Option(help="Location id that the token was made for.")] = None,
    ca: Annotated[Path | None, typer.Option(help="PEM file: whom to believe besides the system's authorities.")] = None,
) -> None:
    """Exchange a one-time token for the connector's certificate; needed once."""
    start_logging()
    from entryway.connector.pair import pair as pair_connector

    # Not an option of its own: the arguments of a process can be read by everybody on the machine.
    one_time = _read(token_file)
    path = asyncio.run(pair_connector(url=url, token=one_time, config=config, location_id=location, ca_file=ca))
    typer.echo(f"paired; start it with: entryway connector run --config {path}")


def _read(file: Path) -> str:
    try:
        text = sys.stdin.readline().strip() if str(file) == "-" else file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from error
    if not text:
        raise typer.BadParameter("there is no token: `entryway connector token` prints one")
    return text
