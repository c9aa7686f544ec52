"""What a user and a group are here: less than the standard has, and what clients of this format send besides."""

from __future__ import annotations

from entryway.scim.attributes import Attribute, Kind, ResourceType, Schema
from entryway.scim.schemas import GROUP_URN, USER_URN

# What clients of the older dialect write for either schema.
OLDER_URN = "urn:scim:schemas:core:1.0"

USER = ResourceType(
    "User",
    "/Users",
    Schema(
        USER_URN,
        "User",
        "A user of an identity provider that the tenant trusts",
        (
            Attribute("userName", required=True, uniqueness="server"),
            Attribute("origin", case_exact=True, description="The identity provider's origin key"),
            Attribute("name", Kind.COMPLEX, parts=(Attribute("givenName"), Attribute("familyName"))),
            Attribute(
                "emails",
                Kind.COMPLEX,
                multi_valued=True,
                parts=(Attribute("value", required=True), Attribute("type"), Attribute("primary", Kind.BOOLEAN)),
            ),
            Attribute("active", Kind.BOOLEAN, default=True),
            Attribute("password", mutability="writeOnly", returned="never", case_exact=True),
            Attribute(
                "groups",
                Kind.COMPLEX,
                multi_valued=True,
                mutability="readOnly",
                parts=(Attribute("value", case_exact=True), Attribute("display"), Attribute("type")),
            ),
            Attribute("zoneId", mutability="readOnly", case_exact=True),
            Attribute("lastLogonTime", Kind.INTEGER, mutability="readOnly", description="Milliseconds since 1970"),
            Attribute("previousLogonTime", Kind.INTEGER, mutability="readOnly", description="Milliseconds since 1970"),
            # Of the older dialect, and written by the server alone here.
            Attribute("verified", Kind.BOOLEAN, mutability="readOnly"),
            Attribute("approvals", mutability="readOnly"),
            Attribute("passwordLastModified", mutability="readOnly"),
            Attribute("phoneNumbers", mutability="readOnly"),
        ),
    ),
    description="User",
)

GROUP = ResourceType(
    "Group",
    "/Groups",
    Schema(
        GROUP_URN,
        "Group",
        "A role collection, and the users who were given it",
        (
            Attribute("displayName", required=True, uniqueness="server", case_exact=True),
            Attribute("description"),
            Attribute("zoneId", mutability="readOnly", case_exact=True),
            Attribute(
                "members",
                Kind.COMPLEX,
                multi_valued=True,
                parts=(
                    Attribute("value", mutability="immutable", case_exact=True, required=True),
                    Attribute("$ref", Kind.REFERENCE, mutability="immutable", case_exact=True),
                    Attribute("type", mutability="immutable"),
                    Attribute("display", mutability="readOnly"),
                    Attribute("origin", mutability="immutable", case_exact=True),
                    Attribute("operation", mutability="immutable"),
                ),
            ),
        ),
    ),
    description="Role collection",
)
