"""`entryway check`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.log_settings import stay_quiet
from entryway.cli.outcome import ExitCode, tell, tell_mistakes

EPILOG = """[bold]Examples[/bold]

    entryway check                 every file of the current folder

    entryway check --strict app    warnings count as errors

    entryway check --json          for an editor or a pipeline
"""


def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the application.")] = Path(),
    strict: Annotated[bool, typer.Option("--strict", help="End with 2 for warnings too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the mistakes as JSON, on standard output.")] = False,
) -> None:
    """Name every mistake in the configuration files at once.

    Reads mta.yaml or manifest.yml, entryway.yaml, and every xs-app.json and xs-security.json that they lead to.
    """
    stay_quiet()
    from entryway.landscape.check import check_folder

    mistakes = check_folder(folder)
    if as_json:
        typer.echo(json.dumps([asdict(mistake) for mistake in mistakes], indent=2, ensure_ascii=False))
    elif mistakes:
        tell_mistakes(mistakes)
    else:
        tell("no mistakes found")
    if strict or any(mistake.severity == "error" for mistake in mistakes):
        raise typer.Exit(ExitCode.MISTAKE)
