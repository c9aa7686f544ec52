"""`entryway connector run` and `entryway connector pair`."""

from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.log_settings import start_logging

app = typer.Typer(
    help="The company end of the tunnel: it listens nowhere and dials out to the connectivity service.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

PAIR_EPILOG = """[bold]Example[/bold]

    entryway connector pair --config connector.yaml --url https://localhost:8443 --ca ca.pem --token-file token
"""
RUN_EPILOG = """[bold]Example[/bold]

    entryway connector run --config .entryway/connector/connector.yaml

Runs until SIGTERM or Ctrl-C and then ends with 0.
"""
CONFIG = typer.Option("--config", "-c", help="The connector's file of configuration.")


@app.command("run", epilog=RUN_EPILOG)
def run(config: Annotated[Path, CONFIG] = Path("connector.yaml")) -> None:
    """Dial out to the gateway and serve the systems that the configuration exposes."""
    start_logging()
    from entryway.connector.run import run as run_connector

    run_connector(config)


@app.command("pair", epilog=PAIR_EPILOG)
def pair(config: Annotated[Path, CONFIG] = Path("connector.yaml")) -> None:
    """Exchange a one-time token for the connector's certificate; needed once."""
    start_logging()
    from entryway.connector.pair import pair as pair_connector

    pair_connector(config)
