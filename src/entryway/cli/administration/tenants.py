"""`entryway tenants`: for whoever runs the landscape."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from entryway.cli.administration.output import show_list, show_one
from entryway.cli.administration.paths import TENANTS, path_of
from entryway.cli.administration.target import Json, Target, examples, group

app = group("Tenants of a landscape; with the rights of the platform, so where it runs.")
Which = Annotated[str, typer.Argument(help="Id or subdomain of the tenant.")]
AppId = Annotated[str, typer.Argument(help="Id of the application, with its suffix.")]
_COLUMNS = {"subdomain": "subdomain", "name": "name", "id": "id", "suspended": "suspended"}


@app.command("list", epilog=examples("tenants list"))
def list_tenants(ctx: typer.Context, as_json: Json = False) -> None:
    """List tenants."""
    show_list(_all(ctx.obj), _COLUMNS, as_json=as_json)


@app.command("get", epilog=examples("tenants get acme"))
def get(ctx: typer.Context, which: Which, as_json: Json = False) -> None:
    """Show a tenant."""
    target: Target = ctx.obj
    show_one(target.ask("GET", _path(target, which)), as_json=as_json)


@app.command("create", epilog=examples("tenants create acme --name 'Acme Corporation'"))
def create(
    ctx: typer.Context,
    subdomain: Annotated[str, typer.Argument(help="Its part of addresses, which never changes.")],
    name: Annotated[str, typer.Option("--name", help="Name; the subdomain unless said otherwise.")] = "",
    as_json: Json = False,
) -> None:
    """Create a tenant."""
    target: Target = ctx.obj
    show_one(target.ask("POST", TENANTS, {"subdomain": subdomain, "name": name or subdomain}), as_json=as_json)


@app.command("suspend", epilog=examples("tenants suspend acme"))
def suspend(ctx: typer.Context, which: Which) -> None:
    """Refuse everybody of a tenant for now."""
    target: Target = ctx.obj
    target.ask("PATCH", _path(target, which), {"suspended": True})


@app.command("resume", epilog=examples("tenants resume acme"))
def resume(ctx: typer.Context, which: Which) -> None:
    """Let a suspended tenant go on."""
    target: Target = ctx.obj
    target.ask("PATCH", _path(target, which), {"suspended": False})


@app.command("delete", epilog=examples("tenants delete acme --yes"))
def delete(
    ctx: typer.Context,
    which: Which,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: it cannot be undone.")] = False,
) -> None:
    """Delete a tenant with its users, applications, keys and tokens."""
    target: Target = ctx.obj
    if not yes:
        typer.confirm(f"Delete the tenant {which} with everything in it?", abort=True)
    target.ask("DELETE", _path(target, which))


@app.command("domains", epilog=examples("tenants domains acme"))
def domains(ctx: typer.Context, which: Which, as_json: Json = False) -> None:
    """List the domains at which a tenant answers beside its subdomain."""
    target: Target = ctx.obj
    found = target.ask("GET", f"{_path(target, which)}/domains")["domains"]
    show_list(found, {"host": "host", "main": "main"}, as_json=as_json)


@app.command("add-domain", epilog=examples("tenants add-domain acme login.acme.example --main"))
def add_domain(
    ctx: typer.Context,
    which: Which,
    host: Annotated[str, typer.Argument(help="A host name that leads to this server.")],
    main: Annotated[
        bool, typer.Option("--main", help="Its addresses and the issuer of its tokens are there from now on.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let a tenant answer at a domain of its own."""
    target: Target = ctx.obj
    path = f"{_path(target, which)}/domains/{path_of(host)}"
    show_one(target.ask("PUT", path, {"main": main}), as_json=as_json)


@app.command("remove-domain", epilog=examples("tenants remove-domain acme login.acme.example"))
def remove_domain(
    ctx: typer.Context,
    which: Which,
    host: Annotated[str, typer.Argument(help="The domain.")],
) -> None:
    """Let a tenant answer at a domain no more."""
    target: Target = ctx.obj
    target.ask("DELETE", f"{_path(target, which)}/domains/{path_of(host)}")


@app.command("subscriptions", epilog=examples("tenants subscriptions acme"))
def subscriptions(ctx: typer.Context, which: Which, as_json: Json = False) -> None:
    """List the applications that a tenant has subscribed to, and what they brought along."""
    target: Target = ctx.obj
    found = target.ask("GET", f"{_path(target, which)}/subscriptions")["subscriptions"]
    columns = {
        "xsappname": "app",
        "tenant_mode": "tenant mode",
        "wanted": "itself",
        "dependencies": "dependencies",
        "created_at": "since",
    }
    show_list(found, columns, as_json=as_json)


@app.command("subscribe", epilog=examples("tenants subscribe acme 'products!t1' --dependency 'prices!t1'"))
def subscribe(
    ctx: typer.Context,
    which: Which,
    app_id: AppId,
    dependencies: Annotated[
        list[str] | None, typer.Option("--dependency", help="Id of an application that it uses there; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a tenant use an application of the landscape; a second time names its dependencies anew."""
    target: Target = ctx.obj
    path = f"{_path(target, which)}/subscriptions/{path_of(app_id)}"
    show_one(target.ask("PUT", path, {"dependencies": dependencies or []}), as_json=as_json)


@app.command("unsubscribe", epilog=examples("tenants unsubscribe acme 'products!t1'"))
def unsubscribe(ctx: typer.Context, which: Which, app_id: AppId) -> None:
    """Take an application away from a tenant, with what was there for it alone."""
    target: Target = ctx.obj
    target.ask("DELETE", f"{_path(target, which)}/subscriptions/{path_of(app_id)}")


def _all(target: Target) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = target.ask("GET", TENANTS, query={"after": str(after), "limit": "1000"})
        found += page["tenants"]
        after = page["next"]
    return found


def _path(target: Target, which: str) -> str:
    for tenant in _all(target):
        if which in {tenant["id"], tenant["subdomain"]}:
            return f"{TENANTS}/{path_of(tenant['id'])}"
    return f"{TENANTS}/{path_of(which)}"
