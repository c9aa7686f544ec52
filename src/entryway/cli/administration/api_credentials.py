"""`entryway api-credentials`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from entryway.cli.administration.output import show_list, show_one
from entryway.cli.administration.paths import AUTHORIZATION, path_of
from entryway.cli.administration.target import Json, Target, examples, group

app = group("Credentials for programs of administrators.")
Name = Annotated[str, typer.Argument(help="Name of the credential.")]
_PATH = f"{AUTHORIZATION}/apiCredentials"


@app.command("list", epilog=examples("api-credentials list"))
def list_credentials(ctx: typer.Context, as_json: Json = False) -> None:
    """List credentials, without their secrets."""
    target: Target = ctx.obj
    columns = {
        "name": "name",
        "readOnly": "read-only",
        "clientid": "client",
        "credentialType": "by",
        "createdAt": "created",
    }
    show_list(target.listed(_PATH), columns, as_json=as_json)


@app.command("get", epilog=examples("api-credentials get pipeline"))
def get(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show a credential, without its secret."""
    target: Target = ctx.obj
    show_one(target.ask("GET", f"{_PATH}/{path_of(name)}"), as_json=as_json)


@app.command(
    "create",
    epilog=examples(
        "api-credentials create pipeline --read-only > credential.json",
        "api-credentials create pipeline --certificate pipeline.pem",
    ),
)
def create(
    ctx: typer.Context,
    name: Name,
    read_only: Annotated[bool, typer.Option("--read-only", help="It may change nothing.")] = False,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", help="PEM file: whoever has its key may come, and there is no secret."),
    ] = None,
) -> None:
    """Make a credential and print it as JSON; its secret is told this once."""
    target: Target = ctx.obj
    body: dict[str, Any] = {"name": name, "readOnly": read_only}
    if certificate is not None:
        body["certificate"] = _read(certificate)
    typer.echo(json.dumps(target.ask("POST", _PATH, body), indent=2))


@app.command("delete", epilog=examples("api-credentials delete pipeline"))
def delete(ctx: typer.Context, name: Name) -> None:
    """Delete a credential: its secret and its tokens are worth nothing from now on."""
    target: Target = ctx.obj
    target.ask("DELETE", f"{_PATH}/{path_of(name)}")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read as PEM") from error
