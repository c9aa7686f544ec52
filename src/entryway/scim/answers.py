"""What the server says: lists, its own abilities, and the version of a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entryway.scim.errors import VersionDiffers
from entryway.scim.queries import MOST_RESULTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MEDIA_TYPE = "application/scim+json"
LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def listed(resources: Sequence[Any], total: int, start: int = 1) -> dict[str, Any]:
    """Return one page of a list (RFC 7644 §3.4.2)."""
    return {
        "schemas": [LIST_SCHEMA],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


def meta(kind: str, location: str, created: datetime, modified: datetime, version: int) -> dict[str, Any]:
    """Return what every resource says of itself."""
    return {
        "resourceType": kind,
        "created": created.isoformat(),
        "lastModified": modified.isoformat(),
        "location": location,
        "version": etag(version),
    }


def etag(version: int) -> str:
    """Return a version as HTTP has it: weak, for the form of the answer may differ."""
    return f'W/"{version}"'


def check_match(if_match: str | None, version: int) -> None:
    """Raise unless the client means this version; without the header it means any."""
    if if_match is not None and not _names(if_match, version):
        raise VersionDiffers("the resource has another version")


def unchanged(if_none_match: str | None, version: int) -> bool:
    """Say whether the client has this version already."""
    return if_none_match is not None and _names(if_none_match, version)


def _names(header: str, version: int) -> bool:
    tags = {part.strip().removeprefix("W/").strip('"') for part in header.split(",")}
    return "*" in tags or str(version) in tags


def service_provider_config(base: str, documentation: str = "") -> dict[str, Any]:
    """Return what this server can do (RFC 7643 §5)."""
    config: dict[str, Any] = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST_RESULTS},
        "changePassword": {"supported": True},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "OAuth Bearer Token",
                "description": "A token of an application with the right to administer",
                "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                "primary": True,
            },
            {
                "type": "httpbasic",
                "name": "HTTP Basic",
                "description": "Client id and secret of such an application",
                "specUri": "https://www.rfc-editor.org/rfc/rfc7617",
            },
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }
    if documentation:
        config["documentationUri"] = documentation
    return config
