"""`entryway role-collections`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from entryway.cli.administration.output import show_list, show_one
from entryway.cli.administration.paths import AUTHORIZATION, PATCH, path_of
from entryway.cli.administration.target import ORIGIN, Json, Origin, Target, examples, group, not_found

app = group("Role collections: what is given to users, and to whom identity providers vouch for.")
Name = Annotated[str, typer.Argument(help="Name of the role collection.")]
Role = Annotated[str, typer.Option("--role", help="Name of the role.")]
Of = Annotated[str, typer.Option("--app", help="Id of the application, with its suffix.")]
Template = Annotated[str, typer.Option("--template", help="Name of the role template; that of the role by default.")]
ToUser = Annotated[str, typer.Option("--to-user", help="A user, by name.")]
ToGroup = Annotated[str, typer.Option("--to-group", help="Whoever the identity provider says is in this group.")]
ToAttribute = Annotated[str, typer.Option("--to-attribute", help="Whoever has a value of this attribute.")]
Value = Annotated[str, typer.Option("--attribute-value", help="The value that gives the role collection.")]
Operator = Annotated[str, typer.Option("--operator", help="equals or contains.")]
_COLLECTIONS = f"{AUTHORIZATION}/rolecollections"
_COLUMNS = {
    "name": "role collection",
    "isReadOnly": "read-only",
    "roleReferences": "roles",
    "description": "description",
}


@app.command("list", epilog=examples("role-collections list --json"))
def list_collections(ctx: typer.Context, as_json: Json = False) -> None:
    """List role collections."""
    target: Target = ctx.obj
    show_list(target.listed(_COLLECTIONS, {"showRoles": "true"}), _COLUMNS, as_json=as_json)


@app.command("get", epilog=examples("role-collections get 'Products Editor'"))
def get(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show a role collection, with its roles, users and mappings."""
    target: Target = ctx.obj
    show_one(target.ask("GET", _path(name)), as_json=as_json)


@app.command("create", epilog=examples("role-collections create Auditors --description 'See everything'"))
def create(
    ctx: typer.Context,
    name: Name,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    like: Annotated[str, typer.Option("--like", help="A role collection whose roles it gets.")] = "",
    as_json: Json = False,
) -> None:
    """Make a role collection, or copy one without its users."""
    target: Target = ctx.obj
    body = {"name": name, "description": description, "copyFrom": like or None}
    show_one(target.ask("POST", _COLLECTIONS, body), as_json=as_json)


@app.command("update", epilog=examples("role-collections update Auditors --description 'See all of it'"))
def update(
    ctx: typer.Context,
    name: Name,
    description: Annotated[str, typer.Option("--description", help="What it is for.")],
    as_json: Json = False,
) -> None:
    """Describe a role collection anew."""
    target: Target = ctx.obj
    show_one(target.ask("PUT", _path(name), {"description": description}), as_json=as_json)


@app.command("delete", epilog=examples("role-collections delete Auditors"))
def delete(ctx: typer.Context, name: Name) -> None:
    """Delete a role collection."""
    target: Target = ctx.obj
    target.ask("DELETE", _path(name))


@app.command("add-role", epilog=examples("role-collections add-role Auditors --app 'products!t1' --role Viewer"))
def add_role(ctx: typer.Context, name: Name, app_id: Of, role: Role, template: Template = "") -> None:
    """Put a role into a role collection."""
    target: Target = ctx.obj
    body = [{"roleTemplateAppId": app_id, "roleTemplateName": template or role, "roleName": role}]
    target.ask("PUT", f"{_path(name)}/roles", body)


@app.command("remove-role", epilog=examples("role-collections remove-role Auditors --app 'products!t1' --role Viewer"))
def remove_role(ctx: typer.Context, name: Name, app_id: Of, role: Role, template: Template = "") -> None:
    """Take a role out of a role collection."""
    target: Target = ctx.obj
    target.ask("DELETE", f"{_path(name)}/roles/{path_of(app_id, role, template or role)}")


@app.command(
    "assign",
    epilog=examples(
        "role-collections assign 'Products Editor' --to-user alice",
        "role-collections assign 'Products Editor' --to-group editors --of-idp company",
        "role-collections assign 'Products Editor' --to-attribute department --attribute-value sales --of-idp company",
    ),
)
def assign(  # noqa: PLR0917 - options
    ctx: typer.Context,
    name: Name,
    to_user: ToUser = "",
    to_group: ToGroup = "",
    to_attribute: ToAttribute = "",
    value: Value = "",
    operator: Operator = "equals",
    origin: Origin = ORIGIN,
    create_user: Annotated[
        bool, typer.Option(help="Create a user of another identity provider who is not known yet.")
    ] = True,
) -> None:
    """Give a role collection to a user, a group, or who has a value of an attribute."""
    target: Target = ctx.obj
    to = _receiver(to_user, to_group, to_attribute, value)
    if to is not None:
        body = {**to, "operator": operator, "roleCollectionName": name}
        target.ask("POST", f"{AUTHORIZATION}/identity-providers/{path_of(origin)}/attributes", body)
        return
    known = target.find_user(to_user, origin)
    if known is None and create_user and origin != ORIGIN:
        known = target.ask("POST", "/Users", {"userName": to_user, "origin": origin, "emails": [{"value": to_user}]})
    user = known or target.user(to_user, origin)
    _change(target, name, {"op": "add", "path": "members", "value": [{"value": user["id"]}]})


@app.command("unassign", epilog=examples("role-collections unassign 'Products Editor' --to-user alice"))
def unassign(  # noqa: PLR0917 - options
    ctx: typer.Context,
    name: Name,
    to_user: ToUser = "",
    to_group: ToGroup = "",
    to_attribute: ToAttribute = "",
    value: Value = "",
    operator: Operator = "equals",
    origin: Origin = ORIGIN,
) -> None:
    """Take a role collection away again."""
    target: Target = ctx.obj
    to = _receiver(to_user, to_group, to_attribute, value)
    if to is not None:
        mapping = path_of(to["attributeName"], operator, to["attributeValue"])
        path = f"{AUTHORIZATION}/identity-providers/{path_of(origin)}/attributes/{mapping}"
        target.ask("DELETE", f"{path}/rolecollections/{path_of(name)}")
        return
    user = target.user(to_user, origin)
    if name not in {group["value"] for group in user.get("groups", ())}:
        raise not_found(f"the user {to_user!r} was not given the role collection {name!r}")
    _change(target, name, {"op": "remove", "path": f'members[value eq "{user["id"]}"]'})


def _receiver(to_user: str, to_group: str, to_attribute: str, value: str) -> dict[str, str] | None:
    """Return what a mapping is about, None for a user."""
    if [bool(to_user), bool(to_group), bool(to_attribute)].count(True) != 1:
        raise typer.BadParameter("one of --to-user, --to-group and --to-attribute says to whom")
    if bool(to_attribute) != bool(value):
        raise typer.BadParameter("--to-attribute and --attribute-value belong together")
    if to_user:
        return None
    return {"attributeName": to_attribute or "Groups", "attributeValue": value or to_group}


def _change(target: Target, name: str, operation: dict[str, Any]) -> None:
    target.ask("PATCH", f"/Groups/{path_of(name)}", {"schemas": [PATCH], "Operations": [operation]})


def _path(name: str) -> str:
    return f"{_COLLECTIONS}/{path_of(name)}"
