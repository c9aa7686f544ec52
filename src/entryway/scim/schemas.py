"""The schemas of users and groups (RFC 7643 §4, §8.7)."""

from __future__ import annotations

from entryway.scim.attributes import Attribute, Kind, Schema

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CUSTOM_URN = "urn:sap:cloud:scim:schemas:extension:custom:2.0:User"


def _several(name: str, *types: str, value: Kind = Kind.STRING) -> Attribute:
    """Return an attribute with the sub-attributes that most multi-valued ones have (RFC 7643 §2.4)."""
    references = ("external",) if value is Kind.REFERENCE else ()
    return Attribute(
        name,
        Kind.COMPLEX,
        multi_valued=True,
        parts=(
            Attribute("value", value, case_exact=value is not Kind.STRING, reference_types=references),
            Attribute("display"),
            Attribute("type", canonical_values=types),
            Attribute("primary", Kind.BOOLEAN),
        ),
    )


USER = Schema(
    USER_URN,
    "User",
    "User account",
    (
        Attribute("userName", required=True, uniqueness="server"),
        Attribute(
            "name",
            Kind.COMPLEX,
            parts=tuple(
                Attribute(part)
                for part in ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
            ),
        ),
        Attribute("displayName"),
        Attribute("nickName"),
        Attribute("profileUrl", Kind.REFERENCE, case_exact=True, reference_types=("external",)),
        Attribute("title"),
        Attribute("userType"),
        Attribute("preferredLanguage"),
        Attribute("locale"),
        Attribute("timezone"),
        Attribute("active", Kind.BOOLEAN, required=True, default=True),
        Attribute("password", mutability="writeOnly", returned="never", case_exact=True),
        _several("emails", "work", "home", "other"),
        _several("phoneNumbers", "work", "home", "mobile", "fax", "pager", "other"),
        _several("ims", "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
        _several("photos", "photo", "thumbnail", value=Kind.REFERENCE),
        Attribute(
            "addresses",
            Kind.COMPLEX,
            multi_valued=True,
            parts=(
                *(
                    Attribute(part)
                    for part in ("formatted", "streetAddress", "locality", "region", "postalCode", "country")
                ),
                Attribute("type", canonical_values=("work", "home", "other")),
                Attribute("primary", Kind.BOOLEAN),
            ),
        ),
        Attribute(
            "groups",
            Kind.COMPLEX,
            multi_valued=True,
            mutability="readOnly",
            parts=(
                Attribute("value", mutability="readOnly", case_exact=True),
                Attribute("$ref", Kind.REFERENCE, mutability="readOnly", case_exact=True, reference_types=("Group",)),
                Attribute("display", mutability="readOnly"),
                Attribute("type", mutability="readOnly", canonical_values=("direct", "indirect")),
            ),
        ),
        _several("entitlements"),
        _several("roles"),
        _several("x509Certificates", value=Kind.BINARY),
    ),
)

GROUP = Schema(
    GROUP_URN,
    "Group",
    "Group",
    (
        Attribute("displayName", required=True, uniqueness="server"),
        Attribute(
            "members",
            Kind.COMPLEX,
            multi_valued=True,
            parts=(
                Attribute("value", mutability="immutable", case_exact=True, required=True),
                Attribute("$ref", Kind.REFERENCE, mutability="immutable", case_exact=True, reference_types=("User",)),
                Attribute("type", mutability="immutable", canonical_values=("User",)),
            ),
        ),
    ),
)

ENTERPRISE = Schema(
    ENTERPRISE_URN,
    "EnterpriseUser",
    "Enterprise user",
    (
        *(Attribute(name) for name in ("employeeNumber", "costCenter", "organization", "division", "department")),
        Attribute(
            "manager",
            Kind.COMPLEX,
            parts=(
                Attribute("value", case_exact=True),
                Attribute("$ref", Kind.REFERENCE, case_exact=True, reference_types=("User",)),
                Attribute("displayName", mutability="readOnly"),
            ),
        ),
    ),
)

CUSTOM = Schema(
    CUSTOM_URN,
    "CustomAttributes",
    "Custom attributes of a user",
    (
        Attribute(
            "attributes",
            Kind.COMPLEX,
            multi_valued=True,
            parts=(Attribute("name", required=True), Attribute("value", required=True)),
        ),
    ),
)
