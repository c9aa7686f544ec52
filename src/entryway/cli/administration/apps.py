"""`entryway apps`."""

from __future__ import annotations

from typing import Annotated

import typer

from entryway.cli.administration.output import show_list, show_one
from entryway.cli.administration.paths import AUTHORIZATION, path_of
from entryway.cli.administration.target import Json, Target, examples, group

app = group("Applications of a tenant.")


@app.command("list", epilog=examples("apps list"))
def list_apps(ctx: typer.Context, as_json: Json = False) -> None:
    """List applications."""
    target: Target = ctx.obj
    columns = {"appid": "app", "planName": "plan", "tenantMode": "tenant mode", "description": "description"}
    show_list(target.listed(f"{AUTHORIZATION}/apps"), columns, as_json=as_json)


@app.command("get", epilog=examples("apps get 'products!t1'"))
def get(
    ctx: typer.Context, app_id: Annotated[str, typer.Argument(help="Id, with its suffix.")], as_json: Json = False
) -> None:
    """Show an application, with its scopes and role templates."""
    target: Target = ctx.obj
    path = f"{AUTHORIZATION}/apps/{path_of(app_id)}"
    shown = target.ask("GET", path)
    shown |= {
        "scopes": target.listed(f"{path}/scopes"),
        "roleTemplates": target.listed(f"{path}/roletemplates"),
    }
    show_one(shown, as_json=as_json)
