"""Where the administrators' interfaces are."""

from urllib.parse import quote

AUTHORIZATION = "/sap/rest/authorization/v2"
IDENTITY_PROVIDERS = "/sap/rest/identity-providers"
TENANTS = "/entryway/v1/tenants"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def path_of(*names: str) -> str:
    """Return names as they stand in a path: everything in them is escaped."""
    return "/".join(quote(name, safe="") for name in names)
