"""`entryway settings` and `entryway keys`: how long tokens last, and what signs them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from entryway.cli.administration.output import show_list, show_one
from entryway.cli.administration.paths import AUTHORIZATION
from entryway.cli.administration.target import Json, Target, examples, group

app = group("Security settings of a tenant.")
keys = group("Keys that sign a tenant's tokens.")
Kid = Annotated[str, typer.Argument(help="Id of the key.")]
Force = Annotated[
    bool, typer.Option("--force", help="At once; tokens may be refused until everybody has the new keys.")
]
_SETTINGS = f"{AUTHORIZATION}/securitySettings"


@app.command("get", epilog=examples("settings get"))
def get(ctx: typer.Context, as_json: Json = False) -> None:
    """Show the settings."""
    _show(ctx, None, as_json=as_json)


@app.command("update", epilog=examples("settings update --access-token-validity 3600 --rotate-refresh-tokens"))
def update(  # noqa: PLR0917 - options
    ctx: typer.Context,
    access: Annotated[
        int | None, typer.Option("--access-token-validity", help="Seconds; -1 for the landscape's own.")
    ] = None,
    refresh: Annotated[
        int | None, typer.Option("--refresh-token-validity", help="Seconds; -1 for the landscape's own.")
    ] = None,
    rotate: Annotated[
        bool | None,
        typer.Option("--rotate-refresh-tokens/--keep-refresh-tokens", help="Whether a refresh token works once."),
    ] = None,
    token_format: Annotated[
        str | None, typer.Option("--refresh-token-format", help="Whether refresh tokens are opaque or jwt.")
    ] = None,
    default_idp: Annotated[
        str | None, typer.Option("--default-idp", help="Origin key: where programs' passwords are checked.")
    ] = None,
    trusted: Annotated[
        str | None,
        typer.Option("--iframe-domains", help="Hosts whose pages may show the login in a frame, with blanks between."),
    ] = None,
    partitioned: Annotated[
        bool | None,
        typer.Option("--partitioned-cookies/--no-partitioned-cookies", help="Keep cookies apart for each such host."),
    ] = None,
    home: Annotated[
        str | None, typer.Option("--home-redirect", help="Where a login without an application leads.")
    ] = None,
    logout: Annotated[
        str | None,
        typer.Option("--logout-whitelist", help="Addresses that a logout may lead to, with blanks between."),
    ] = None,
    cors: Annotated[
        str | None,
        typer.Option("--cors-origins", help="Origins whose scripts may ask for tokens, with blanks between."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change settings; what is not named stays."""
    policy = {
        "accessTokenValidity": access,
        "refreshTokenValidity": refresh,
        "refreshTokenRotation": rotate,
        "refreshTokenFormat": token_format,
    }
    given = {name: value for name, value in policy.items() if value is not None}
    others = {
        "defaultIdp": default_idp,
        "iframeDomains": trusted,
        "partitionedCookies": partitioned,
        "homeRedirect": home,
        "logoutWhitelist": None if logout is None else logout.split(),
        "corsAllowedOrigins": None if cors is None else cors.split(),
    }
    body: dict[str, Any] = {name: value for name, value in others.items() if value is not None}
    body |= {"tokenPolicySettings": given} if given else {}
    if not body:
        raise typer.BadParameter("nothing to change")
    _show(ctx, body, as_json=as_json)


@keys.command("list", epilog=examples("keys list"))
def list_keys(ctx: typer.Context, as_json: Json = False) -> None:
    """List the keys."""
    target: Target = ctx.obj
    _show_keys(target.ask("GET", _SETTINGS), as_json=as_json)


@keys.command("create", epilog=examples("keys create"))
def create_key(ctx: typer.Context, as_json: Json = False) -> None:
    """Make a key, which is published from now on and signs nothing yet."""
    _change_key(ctx, "ADD", None, as_json=as_json)


@keys.command("enable", epilog=examples("keys enable 1f2e3d4c"))
def enable_key(ctx: typer.Context, kid: Kid, force: Force = False, as_json: Json = False) -> None:
    """Sign with a key from now on."""
    _change_key(ctx, "FORCE_UPDATE" if force else "UPDATE", kid, as_json=as_json)


@keys.command("rotate", epilog=examples("keys rotate"))
def rotate_key(ctx: typer.Context, force: Force = False, as_json: Json = False) -> None:
    """Take the next step to a new key: make one; then, when everybody has it, sign with it; then delete the old one."""
    target: Target = ctx.obj
    policy = target.ask("GET", _SETTINGS)["tokenPolicySettings"]
    other = next((kid for kid in policy["keyIds"] if kid != policy["activeKeyId"]), None)
    if other is None:
        _change_key(ctx, "ADD", None, as_json=as_json)
    elif policy["keyIds"].index(other) > policy["keyIds"].index(policy["activeKeyId"]):
        _change_key(ctx, "FORCE_UPDATE" if force else "UPDATE", other, as_json=as_json)
    else:
        _change_key(ctx, "FORCE_DELETE" if force else "DELETE", other, as_json=as_json)


@keys.command("delete", epilog=examples("keys delete 1f2e3d4c"))
def delete_key(ctx: typer.Context, kid: Kid, force: Force = False, as_json: Json = False) -> None:
    """Delete a key that signs no more: tokens that it signed are refused."""
    _change_key(ctx, "FORCE_DELETE" if force else "DELETE", kid, as_json=as_json)


def _show(ctx: typer.Context, change: dict[str, Any] | None, *, as_json: bool) -> None:
    target: Target = ctx.obj
    settings = target.ask("GET", _SETTINGS) if change is None else target.ask("PATCH", _SETTINGS, change)
    if as_json:
        show_one(settings, as_json=True)
        return
    others = {name: value for name, value in settings.items() if not isinstance(value, dict)}
    policy = {name: value for name, value in settings["tokenPolicySettings"].items() if name != "keys"}
    show_one({**policy, **others}, as_json=False)


def _change_key(ctx: typer.Context, mode: str, kid: str | None, *, as_json: bool) -> None:
    target: Target = ctx.obj
    change = {"changeMode": mode} | ({"keyId": kid} if kid else {})
    _show_keys(target.ask("PATCH", _SETTINGS, {"tokenPolicySettings": change}), as_json=as_json)


def _show_keys(settings: dict[str, Any], *, as_json: bool) -> None:
    policy = settings["tokenPolicySettings"]
    rows = [{**key, "signs": key["keyId"] == policy["activeKeyId"]} for key in policy["keys"]]
    show_list(rows, {"keyId": "key", "signs": "signs", "createdAt": "created"}, as_json=as_json)
