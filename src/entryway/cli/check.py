"""`entryway check`."""

from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.log_settings import stay_quiet
from entryway.cli.outcome import ExitCode, tell, tell_mistakes

EPILOG = """[bold]Examples[/bold]

    entryway check                 every file of the current folder

    entryway check --strict app    warnings count as errors
"""


def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the application.")] = Path(),
    strict: Annotated[bool, typer.Option("--strict", help="End with 2 for warnings too.")] = False,
) -> None:
    """Name every mistake in the configuration files at once.

    Reads mta.yaml or manifest.yml, entryway.yaml, and every xs-app.json and xs-security.json that they lead to.
    """
    stay_quiet()
    from entryway.landscape.check import check_folder

    mistakes = check_folder(folder)
    if not mistakes:
        tell("no mistakes found")
        return
    tell_mistakes(mistakes)
    if strict or any(mistake.severity == "error" for mistake in mistakes):
        raise typer.Exit(ExitCode.MISTAKE)
