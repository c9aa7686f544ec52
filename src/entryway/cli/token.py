"""`entryway token`."""

from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.log_settings import stay_quiet

EPILOG = """[bold]Examples[/bold] (while `entryway up` runs)

    entryway token --user anna --app backend        as if anna had logged in

    entryway token --client --app backend           the application itself, by client credentials

    curl -H "Authorization: Bearer $(entryway token --user anna --app backend)" http://localhost:5001/
"""


def token(
    app: Annotated[str, typer.Option("--app", help="Name of the module, as in mta.yaml or manifest.yml.")],
    user: Annotated[str | None, typer.Option("--user", help="A user of entryway.yaml.")] = None,
    client: Annotated[bool, typer.Option("--client", help="A token of the application itself (the default).")] = False,
    folder: Annotated[Path, typer.Option("--dir", "-d", help="Folder of the application.")] = Path(),
) -> None:
    """Print a real token of the authorization server, to try things with."""
    if user is not None and client:
        raise typer.BadParameter("--user and --client exclude one another")
    stay_quiet()
    from entryway.landscape.running import client_token, user_token

    typer.echo(client_token(folder, app) if user is None else user_token(folder, app, user))
