"""The headers and options of a find request, checked against one another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from entryway.destinations.errors import InvalidRequest

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
# Known to clients of other destination services; to ignore them would return something else than was asked for.
_NOT_OFFERED = {
    "x-chain-name": "destination chains",
    "x-client-assertion": "client assertions",
    "x-client-assertion-destination-name": "client assertions",
}


@dataclass(frozen=True, slots=True)
class FindOptions:
    """What a find request asks for besides the name; an empty header counts as absent."""

    user_token: str | None = field(default=None, repr=False)
    tenant: str | None = None
    skip_tokens: bool = False
    skip_credentials: bool = False


def parse_find_options(headers: Mapping[str, str], params: Mapping[str, str]) -> FindOptions:
    """Return the options of a find request, or raise naming the rule it breaks."""
    user_token = headers.get("x-user-token") or None
    tenant = headers.get("x-tenant") or None
    if user_token and tenant:
        raise InvalidRequest("the headers X-user-token and X-tenant cannot be combined")
    if tenant and not _LABEL.fullmatch(tenant):
        raise InvalidRequest("the header X-tenant must be the subdomain of a tenant")
    for name, feature in _NOT_OFFERED.items():
        if headers.get(name):
            raise InvalidRequest(f"the header {name} is not supported: {feature} are not offered")
    if headers.get("x-fragment-name") and headers.get("x-fragment-optional", "").lower() != "true":
        raise InvalidRequest("the header x-fragment-name is not supported: fragments are not offered")
    return FindOptions(user_token, tenant, _flag(params, "$skipTokenRetrieval"), _flag(params, "$skipCredentials"))


def _flag(params: Mapping[str, str], name: str) -> bool:
    value = params.get(name, "false").lower()
    if value not in {"true", "false"}:
        raise InvalidRequest(f"{name} must be true or false")
    return value == "true"
