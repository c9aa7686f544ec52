"""`entryway branding`."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any

import typer

from entryway.cli.administration.output import show_one
from entryway.cli.administration.paths import AUTHORIZATION
from entryway.cli.administration.target import Json, Target, examples, group

app = group("What a tenant's pages show of it: name, logo, colours and texts.")
_BRANDING = f"{AUTHORIZATION}/branding"


@app.command("get", epilog=examples("branding get", "branding get --json"))
def get(ctx: typer.Context, as_json: Json = False) -> None:
    """Show the branding; what is not named is as in the landscape."""
    target: Target = ctx.obj
    _show(target.ask("GET", _BRANDING), as_json=as_json)


@app.command("set", epilog=examples("branding set branding.yaml", "branding --tenant acme set acme/branding.yaml"))
def set_branding(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML file: name, logo, accent, accent-dark, links, heading, note.")],
    as_json: Json = False,
) -> None:
    """Replace the branding by what a file says."""
    from entryway.web.pages import read_branding

    target: Target = ctx.obj
    branding = read_branding(file)
    body: dict[str, Any] = branding.model_dump(mode="json", exclude={"logo"}, exclude_unset=True)
    if "accent_dark" in body:
        body["accentDark"] = body.pop("accent_dark")
    if branding.logo is not None:
        content = base64.b64encode(branding.logo.content).decode()
        body["logo"] = {"mediaType": branding.logo.media_type, "content": content}
    _show(target.ask("PUT", _BRANDING, body), as_json=as_json)


@app.command("delete", epilog=examples("branding delete"))
def delete(ctx: typer.Context) -> None:
    """Show what the landscape shows."""
    target: Target = ctx.obj
    target.ask("DELETE", _BRANDING)


def _show(branding: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_one(branding, as_json=True)
        return
    logo = branding.get("logo")
    told = {**branding, "logo": f"{logo['mediaType']}, {len(logo['content']) * 3 // 4} bytes"} if logo else branding
    show_one(told or {"branding": "as in the landscape"}, as_json=False)
