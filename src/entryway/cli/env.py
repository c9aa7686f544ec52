"""`entryway env`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.log_settings import stay_quiet

EPILOG = """[bold]Examples[/bold] (while `entryway up` runs)

    entryway env backend --format dotenv > .env

    eval "$(entryway env backend --format shell)"; uvicorn app:app --port $PORT

    entryway env router --format json > router/default-env.json
"""


class EnvironmentFormat(StrEnum):
    """How to print an environment."""

    json = "json"
    dotenv = "dotenv"
    shell = "shell"


def env(
    application: Annotated[
        str, typer.Argument(metavar="APP", help="Name of the module, as in mta.yaml or manifest.yml.")
    ],
    output: Annotated[
        EnvironmentFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = EnvironmentFormat.json,
    folder: Annotated[Path, typer.Option("--dir", "-d", help="Folder of the application.")] = Path(),
) -> None:
    """Print the environment that the landscape gives an application.

    With it the application runs by hand, in a debugger or under another router. The output holds secrets.
    """
    stay_quiet()
    from entryway.landscape.environment_file import render
    from entryway.landscape.running import environment_of

    typer.echo(render(environment_of(folder, application), output.value), nl=False)
