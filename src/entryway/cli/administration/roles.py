"""`entryway roles`."""

from __future__ import annotations

from typing import Annotated

import typer

from entryway.cli.administration.output import show_list, show_one
from entryway.cli.administration.paths import AUTHORIZATION, path_of
from entryway.cli.administration.target import Json, Target, examples, group

app = group("Roles: made of an application's role templates, with values for their attributes.")
Name = Annotated[str, typer.Argument(help="Name of the role.")]
Of = Annotated[str, typer.Option("--app", help="Id of the application, with its suffix.")]
Template = Annotated[str, typer.Option("--template", help="Name of the role template.")]
_COLUMNS = {
    "name": "role",
    "roleTemplateName": "template",
    "roleTemplateAppId": "app",
    "isReadOnly": "read-only",
    "description": "description",
}


@app.command("list", epilog=examples("roles list", "roles list --app 'products!t1' --json"))
def list_roles(ctx: typer.Context, app_id: Of = "", as_json: Json = False) -> None:
    """List roles."""
    target: Target = ctx.obj
    path = f"/apps/{path_of(app_id)}/roles" if app_id else "/roles"
    show_list(target.listed(f"{AUTHORIZATION}{path}"), _COLUMNS, as_json=as_json)


@app.command("get", epilog=examples("roles get 'Sales France' --app 'products!t1' --template Seller"))
def get(ctx: typer.Context, name: Name, app_id: Of, template: Template, as_json: Json = False) -> None:
    """Show a role."""
    target: Target = ctx.obj
    show_one(target.ask("GET", _path(app_id, template, name)), as_json=as_json)


@app.command(
    "create",
    epilog=examples(
        "roles create 'Sales France' --app 'products!t1' --template Seller --static Country=FR --static Country=BE",
        "roles create 'Own country' --app 'products!t1' --template Seller --from-idp Country=country",
    ),
)
def create(  # noqa: PLR0917 - options
    ctx: typer.Context,
    name: Name,
    app_id: Of,
    template: Template,
    description: Annotated[str, typer.Option("--description", help="What the role is for.")] = "",
    static: Annotated[
        list[str] | None, typer.Option("--static", help="ATTRIBUTE=VALUE, once or several times.")
    ] = None,
    from_idp: Annotated[
        list[str] | None, typer.Option("--from-idp", help="ATTRIBUTE=NAME of the identity provider's attribute.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a role of a template; attributes without a value are unrestricted, where the template allows that."""
    target: Target = ctx.obj
    body = {
        "roleTemplateAppId": app_id,
        "roleTemplateName": template,
        "name": name,
        "description": description,
        "attributeList": [*_attributes("static", static or []), *_attributes("idp", from_idp or [])],
    }
    show_one(target.ask("POST", f"{AUTHORIZATION}/apps/roles", body), as_json=as_json)


@app.command("delete", epilog=examples("roles delete 'Sales France' --app 'products!t1' --template Seller"))
def delete(ctx: typer.Context, name: Name, app_id: Of, template: Template) -> None:
    """Delete a role, and take it out of every role collection."""
    target: Target = ctx.obj
    target.ask("DELETE", _path(app_id, template, name))


def _path(app_id: str, template: str, name: str) -> str:
    return f"{AUTHORIZATION}/apps/{path_of(app_id)}/roletemplates/{path_of(template)}/roles/{path_of(name)}"


def _attributes(origin: str, given: list[str]) -> list[dict[str, object]]:
    values: dict[str, list[str]] = {}
    for text in given:
        name, found, value = text.partition("=")
        if not found or not name or not value:
            raise typer.BadParameter(f"{text!r} is not ATTRIBUTE=VALUE")
        values.setdefault(name, []).append(value)
    return [
        {"attributeName": name, "attributeValueOrigin": origin, "attributeValues": several}
        for name, several in values.items()
    ]
