"""`entryway trust`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from entryway.cli.administration.output import show_list, show_one
from entryway.cli.administration.paths import IDENTITY_PROVIDERS, path_of
from entryway.cli.administration.target import Json, Target, examples, group

app = group("Identity providers that a tenant trusts.")
Key = Annotated[str, typer.Argument(help="Origin key.")]
Active = Annotated[bool | None, typer.Option("--active/--inactive", help="Whether users may come from there.")]
Shadow = Annotated[
    bool | None, typer.Option("--create-shadow-users/--no-create-shadow-users", help="Take in users who are new.")
]
Label = Annotated[str | None, typer.Option("--name", help="Name.")]
Offered = Annotated[
    bool | None,
    typer.Option("--available/--hint-only", help="Whether the login page offers it, or a hint alone leads there."),
]
Passwords = Annotated[
    bool | None,
    typer.Option("--noninteractive/--no-noninteractive", help="Whether it decides on passwords that programs bring."),
]
Usual = Annotated[
    bool | None, typer.Option("--default/--no-default", help="Where users log in unless somebody says otherwise.")
]
LinkText = Annotated[str | None, typer.Option("--link-text", help="Text of its link on the login page.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="JSON file: issuer, client_id and client_secret, or metadata; see docs."),
]
Metadata = Annotated[Path | None, typer.Option("--metadata", help="XML file of a SAML identity provider.")]
MetadataUrl = Annotated[
    str | None, typer.Option("--metadata-url", help="Where the metadata of a SAML identity provider comes from.")
]
Other = Annotated[str, typer.Option("--to", help="Key of the OpenID Connect provider's own.")]
_COLUMNS = {
    "originKey": "origin",
    "type": "type",
    "name": "name",
    "active": "active",
    "addShadowUserOnLogin": "new users",
    "availableForLogon": "offered",
}


@app.command("list", epilog=examples("trust list"))
def list_providers(ctx: typer.Context, as_json: Json = False) -> None:
    """List identity providers."""
    target: Target = ctx.obj
    show_list(target.listed(IDENTITY_PROVIDERS), _COLUMNS, as_json=as_json)


@app.command("available", epilog=examples("trust available"))
def list_available(ctx: typer.Context, as_json: Json = False) -> None:
    """List the landscape's own identity providers that answer, and as what they are trusted."""
    target: Target = ctx.obj
    found = target.ask("GET", f"{IDENTITY_PROVIDERS}/ias")
    show_list(found, {"host": "host", "issuer": "issuer", "trustedAs": "trusted as"}, as_json=as_json)


@app.command("get", epilog=examples("trust get company --json"))
def get(ctx: typer.Context, origin: Key, as_json: Json = False) -> None:
    """Show an identity provider; its secret is never told."""
    target: Target = ctx.obj
    show_one(target.ask("GET", _path(origin)), as_json=as_json)


@app.command(
    "create",
    epilog=examples(
        "trust create company --config oidc.json",
        "trust create adfs --metadata idp.xml --link-text Company",
        "trust create adfs --metadata-url https://adfs.example.com/FederationMetadata/2007-06/FederationMetadata.xml",
    ),
)
def create(  # noqa: PLR0917 - options
    ctx: typer.Context,
    origin: Key,
    config: Config = None,
    metadata: Metadata = None,
    metadata_url: MetadataUrl = None,
    name: Label = None,
    link_text: LinkText = None,
    active: Active = None,
    create_shadow_users: Shadow = None,
    available: Offered = None,
    noninteractive: Passwords = None,
    default: Usual = None,
    as_json: Json = False,
) -> None:
    """Trust an identity provider: by SAML with metadata, else by OpenID Connect."""
    target: Target = ctx.obj
    given = _config(config, metadata, metadata_url)
    kind = "saml2.0" if {"metadata", "metadata_url"} & given.keys() else "oidc1.0"
    body = {"type": kind, "originKey": origin, "name": name or origin, "config": given}
    switches = _switches(active, create_shadow_users, available, noninteractive, default)
    body |= _given(linkText=link_text) | switches
    show_one(target.ask("POST", IDENTITY_PROVIDERS, body), as_json=as_json)


@app.command("update", epilog=examples("trust update company --inactive"))
def update(  # noqa: PLR0917 - options
    ctx: typer.Context,
    origin: Key,
    config: Config = None,
    metadata: Metadata = None,
    metadata_url: MetadataUrl = None,
    name: Label = None,
    link_text: LinkText = None,
    active: Active = None,
    create_shadow_users: Shadow = None,
    available: Offered = None,
    noninteractive: Passwords = None,
    default: Usual = None,
    as_json: Json = False,
) -> None:
    """Change an identity provider; what is not named stays."""
    target: Target = ctx.obj
    switches = _switches(active, create_shadow_users, available, noninteractive, default)
    body = _given(name=name, linkText=link_text) | switches
    if not (config is None and metadata is None and metadata_url is None):
        body["config"] = _config(config, metadata, metadata_url)
    if not body:
        raise typer.BadParameter("nothing to change")
    show_one(target.ask("PATCH", _path(origin), body), as_json=as_json)


@app.command("refresh", epilog=examples("trust refresh company"))
def refresh(ctx: typer.Context, origin: Key, as_json: Json = False) -> None:
    """Fetch now what an identity provider publishes: SAML metadata from its address, an issuer's configuration."""
    target: Target = ctx.obj
    show_one(target.ask("POST", f"{_path(origin)}/refresh"), as_json=as_json)


@app.command("migrate", epilog=examples("trust migrate company --to sap.custom"))
def migrate(ctx: typer.Context, origin: Key, other: Other = "sap.custom", as_json: Json = False) -> None:
    """Give the key of a SAML provider to one of OpenID Connect: its users stay, with what they were given."""
    target: Target = ctx.obj
    show_one(target.ask("POST", f"{_path(origin)}/migrate", {"originKey": other}), as_json=as_json)


@app.command("restore", epilog=examples("trust restore company --to sap.custom"))
def restore(ctx: typer.Context, origin: Key, other: Other = "sap.custom", as_json: Json = False) -> None:
    """Undo a migration: the SAML provider has its key again."""
    target: Target = ctx.obj
    show_one(target.ask("POST", f"{_path(origin)}/restore", {"originKey": other}), as_json=as_json)


@app.command("delete", epilog=examples("trust delete company"))
def delete(ctx: typer.Context, origin: Key) -> None:
    """Trust an identity provider no more; its users and mappings go with it."""
    target: Target = ctx.obj
    target.ask("DELETE", _path(origin))


def _path(origin: str) -> str:
    return f"{IDENTITY_PROVIDERS}/{path_of(origin)}"


def _switches(
    active: bool | None, shadow: bool | None, available: bool | None, noninteractive: bool | None, default: bool | None
) -> dict[str, Any]:
    return _given(
        active=active,
        addShadowUserOnLogin=shadow,
        availableForLogon=available,
        defaultForNoninteractiveLogon=noninteractive,
        isDefault=default,
    )


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _config(config: Path | None, metadata: Path | None, metadata_url: str | None) -> dict[str, Any]:
    given: dict[str, Any] = {}
    try:
        if config is not None:
            given = json.loads(config.read_text("utf-8"))
        if metadata is not None:
            # What is pasted is not fetched again.
            given = {**given, "metadata": metadata.read_text("utf-8"), "metadata_url": ""}
        if metadata_url is not None:
            given = {**given, "metadata_url": metadata_url}
    except json.JSONDecodeError as error:
        raise typer.BadParameter(f"{config} is no JSON: line {error.lineno}: {error.msg}") from error
    except OSError as error:
        raise typer.BadParameter(f"{error.filename} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, TypeError) as error:
        raise typer.BadParameter("the configuration is an object in JSON, the metadata XML, both in UTF-8") from error
    if not given or not isinstance(given, dict):
        raise typer.BadParameter("--config, --metadata or --metadata-url is needed")
    return given
