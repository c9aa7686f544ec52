"""`entryway users`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.administration.output import show_list, show_one
from entryway.cli.administration.target import ORIGIN, Json, Origin, Target, examples, group

app = group("Users of a tenant, of every identity provider that it trusts.")
Name = Annotated[str, typer.Argument(help="User name.")]
_COLUMNS = {"userName": "user", "origin": "origin", "active": "active", "id": "id", "groups": "role collections"}


@app.command("list", epilog=examples("users list", "users list --filter 'userName co \"example.com\"' --json"))
def list_users(
    ctx: typer.Context,
    text: Annotated[str, typer.Option("--filter", help="A SCIM filter.")] = "",
    as_json: Json = False,
) -> None:
    """List users."""
    target: Target = ctx.obj
    show_list(target.users(text), _COLUMNS, as_json=as_json)


@app.command("get", epilog=examples("users get alice@example.com --of-idp entryway"))
def get(ctx: typer.Context, name: Name, origin: Origin = ORIGIN, as_json: Json = False) -> None:
    """Show a user."""
    target: Target = ctx.obj
    show_one(target.user(name, origin), as_json=as_json)


@app.command(
    "create", epilog=examples("users create bob@example.com --of-idp company", "users create bob --password-file -")
)
def create(  # noqa: PLR0917 - options
    ctx: typer.Context,
    name: Name,
    origin: Origin = ORIGIN,
    email: Annotated[str, typer.Option("--email", help="Mail address; the user name unless said otherwise.")] = "",
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="File with a password; - is standard input.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a user; of another identity provider, before their first logon."""
    target: Target = ctx.obj
    body = {"userName": name, "origin": origin, "emails": [{"value": email or name}]}
    if password_file is not None:
        body["password"] = _password(password_file)
    show_one(target.ask("POST", "/Users", body), as_json=as_json)


@app.command("delete", epilog=examples("users delete bob@example.com --of-idp company"))
def delete(ctx: typer.Context, name: Name, origin: Origin = ORIGIN) -> None:
    """Delete a user, with sessions and tokens; it cannot be undone."""
    target: Target = ctx.obj
    target.ask("DELETE", f"/Users/{target.user(name, origin)['id']}")


def _password(file: Path) -> str:
    # Not an option of its own: the arguments of a process can be read by everybody on the machine.
    try:
        return (sys.stdin.readline() if str(file) == "-" else file.read_text("utf-8")).strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from error
