"""`entryway explain`."""

from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.log_settings import stay_quiet

EPILOG = """[bold]Examples[/bold]

    entryway explain GET /odata/Products -w router

    entryway explain POST 'http://localhost:5000/app/orders?x=1' --json
"""


def explain(
    method: Annotated[str, typer.Argument(help="HTTP method, for example GET.")],
    url: Annotated[str, typer.Argument(help="Path, or URL, as a browser would ask for it.")],
    workdir: Annotated[Path, typer.Option("--workdir", "-w", help="Folder with xs-app.json.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Say which route answers a request, why the earlier ones do not, and what it asks for."""
    stay_quiet()
    from entryway.cli.explanation import show

    show(method, url, workdir, as_json=as_json)
