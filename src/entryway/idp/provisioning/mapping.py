"""A user as SCIM sees one, and back: what has a column of its own, and the rest, which is kept as it came."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from entryway.idp.users.user import User, UserValues
from entryway.scim.errors import InvalidScimValue
from entryway.scim.resources import without_empty
from entryway.scim.schemas import CUSTOM_URN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entryway.idp.users.groups import Group, Member
    from entryway.scim.resources import Resource

_NAMES = {"givenName": "given_name", "familyName": "family_name"}


def user_content(user: User, groups: Sequence[Group], base: str) -> Resource:
    """Return a user's content; `base` is the address of the SCIM interface."""
    values, content = user.values, copy.deepcopy(dict(user.values.profile))
    content |= {
        "userName": values.user_name,
        "displayName": values.display_name,
        "externalId": values.external_id,
        "active": values.active,
        "name": without_empty(
            {**content.get("name", {}), "givenName": values.given_name, "familyName": values.family_name}
        ),
        "emails": _emails(content.get("emails", []), values.email),
        "groups": [
            {"value": group.id, "$ref": f"{base}/Groups/{group.id}", "display": group.name, "type": "direct"}
            for group in groups
        ],
        CUSTOM_URN: without_empty(
            {
                "attributes": [
                    {"name": name, "value": value} for name, several in values.attributes.items() for value in several
                ]
            }
        ),
    }
    return without_empty(content)


def user_values(content: Resource, before: User | None) -> UserValues:
    """Return what is written about a user; whether the mail address is verified stays, as long as it is the same."""
    rest = copy.deepcopy(content)
    rest.pop("password", None)
    name, emails = rest.pop("name", {}), rest.get("emails", [])
    email = _main_email(emails)
    known = {field: name.pop(part, "") for part, field in _NAMES.items()}
    attributes: dict[str, list[str]] = {}
    for entry in rest.pop(CUSTOM_URN, {}).get("attributes", []):
        attributes.setdefault(entry["name"], []).append(entry["value"])
    return UserValues(
        user_name=rest.pop("userName"),
        email=email,
        email_verified=before is not None and before.values.email_verified and before.email == email,
        display_name=rest.pop("displayName", ""),
        external_id=rest.pop("externalId", None),
        attributes=attributes,
        active=rest.pop("active"),
        profile={**rest, **({"name": name} if name else {})},
        **known,
    )


def group_content(group: Group, members: Sequence[Member], base: str) -> Resource:
    """Return a group's content."""
    return without_empty(
        {
            "displayName": group.name,
            "externalId": group.external_id,
            "members": [
                {"value": member.id, "$ref": f"{base}/Users/{member.id}", "type": "User"} for member in members
            ],
        }
    )


def member_ids(content: Resource) -> list[str]:
    """Return the ids of a group's members, who are users: groups within groups are not kept."""
    members: list[dict[str, Any]] = content.get("members", [])
    if any(member.get("type", "User") != "User" for member in members):
        raise InvalidScimValue("members must be users: groups within groups are not supported")
    return [member["value"] for member in members]


def _emails(kept: list[dict[str, Any]], email: str) -> list[dict[str, Any]]:
    """Return all addresses; the one that we send mail to may have been changed elsewhere."""
    if not kept:
        return [{"value": email, "primary": True}] if email else []
    main = next((entry for entry in kept if entry.get("primary")), kept[0])
    return [without_empty({**entry, "value": email}) if entry is main else entry for entry in kept]


def _main_email(emails: list[dict[str, Any]]) -> str:
    main = next((entry for entry in emails if entry.get("primary")), emails[0] if emails else {})
    return str(main.get("value", ""))
