"""What a client puts into its token beside everything else: the parameter `authorities`, the claim `az_attr`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from entryway.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST = 50
LONGEST = 1000


def parse_additional(authorities: str | None) -> Mapping[str, str]:
    """Return the additional attributes that `authorities` carries as JSON: `{"az_attr": {"a": "b"}}`."""
    if not authorities:
        return {}
    try:
        content = json.loads(authorities)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The parameter authorities is not JSON") from error
    attributes = content.get("az_attr", {}) if isinstance(content, dict) else None
    if (
        not isinstance(attributes, dict)
        or not all(isinstance(value, str) and value.isprintable() for value in attributes.values())
        or not all(name.isprintable() for name in attributes)
    ):
        raise InvalidRequest("The parameter authorities must hold az_attr, an object of strings")
    if len(attributes) > MOST or sum(map(len, attributes.values())) > LONGEST:
        raise InvalidRequest("The parameter authorities holds too much")
    return attributes
