"""`entryway identity`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from entryway.cli.administration.output import show_list, show_one
from entryway.cli.administration.target import Json, examples
from entryway.cli.log_settings import stay_quiet

if TYPE_CHECKING:
    from entryway.clients.identity_provider import IdentityProviderClient

app = typer.Typer(
    help="Users of the identity provider, and companies whose users log in elsewhere.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
State = Annotated[Path, typer.Option("--state", help="Folder of certificates, secrets and databases.")]
HERE = Path(".entryway")
File = Annotated[Path, typer.Argument(help="File; - is standard input.")]
Alias = Annotated[str, typer.Argument(help="Alias of a company's identity provider.")]


@app.callback()
def identity() -> None:
    """Ask the identity provider of a state folder, which must be running."""
    stay_quiet()


@app.command("import", epilog=examples("identity import users.csv --dry-run", "identity import users.csv --invite"))
def import_users(
    file: File,
    state: State = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    invite: Annotated[bool, typer.Option("--invite", help="Mail new users a link to choose a password.")] = False,
    as_json: Json = False,
) -> None:
    """Create and change the users of a table (CSV), all of them or none."""
    body = {"table": _text(file), "invite": invite}
    told = _ask(state, "POST", "/users/import", {**body, "dry_run": True})
    if not told["errors"] and not dry_run:
        told = _ask(state, "POST", "/users/import", body)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        for one in told["errors"]:
            typer.echo(f"{file}:{one['line']}: {one['message']}", err=True)
        verb = "" if told["done"] else "nothing was done: " if told["errors"] else "it would be: "
        typer.echo(f"{verb}{told['created']} created, {told['changed']} changed, {told['unchanged']} unchanged")
    if told["errors"]:
        raise typer.Exit(1)


@app.command("providers", epilog=examples("identity providers", "identity providers --json"))
def providers(state: State = HERE, as_json: Json = False) -> None:
    """List companies' identity providers."""
    found = _ask(state, "GET", "/providers")["providers"]
    show_list(found, {"alias": "alias", "type": "protocol", "name": "name", "active": "active"}, as_json=as_json)


@app.command("set-provider", epilog=examples("identity set-provider company company.json"))
def set_provider(alias: Alias, file: File, state: State = HERE, as_json: Json = False) -> None:
    """Let users of a company log in at its own provider, as a file of JSON describes it."""
    show_one(_ask(state, "PUT", f"/providers/{quote(alias, safe='')}", _document(file)), as_json=as_json)


@app.command("delete-provider", epilog=examples("identity delete-provider company"))
def delete_provider(alias: Alias, state: State = HERE) -> None:
    """Trust a company's provider no more; the users that it brought go with it."""
    _ask(state, "DELETE", f"/providers/{quote(alias, safe='')}")


@app.command("logins", epilog=examples("identity logins", "identity logins --set rules.json"))
def logins(
    state: State = HERE,
    file: Annotated[
        Path | None, typer.Option("--set", help="File of JSON with the rules; - is standard input.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show or set the rules that say where users of all applications log in."""
    told = (
        _ask(state, "GET", "/settings/logins")
        if file is None
        else _ask(state, "PUT", "/settings/logins", _document(file))
    )
    show_one(told, as_json=as_json)


def _ask(state: Path, method: str, path: str, body: Any = None) -> Any:
    async def ask() -> Any:
        client = _client(state)
        try:
            return await client.ask(method, path, body)
        finally:
            await client.caller.http.aclose()

    return asyncio.run(ask())


def _client(folder: Path) -> IdentityProviderClient:
    from entryway.clients.http import new_http
    from entryway.clients.identity_provider import identity_provider
    from entryway.clients.tls import outgoing_context
    from entryway.landscape.record import load_record
    from entryway.landscape.secrets import load_secrets
    from entryway.landscape.state import StateFolder

    state = StateFolder(folder.resolve())
    secret = load_secrets(state).platform_client_secret
    http = new_http(outgoing_context(os.environ, ca_files=[state.ca_certificate]))
    url = load_record(state).ports.identity_provider_url
    return identity_provider(http, url, secret)


def _text(file: Path) -> str:
    from entryway.errors import ConfigurationError

    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read as UTF-8 ({type(error).__name__})") from None


def _document(file: Path) -> Any:
    from entryway.errors import ConfigurationError

    try:
        return json.loads(_text(file))
    except ValueError as error:
        raise ConfigurationError(f"{file} is not JSON: {error}") from None
