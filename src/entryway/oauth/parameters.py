"""The parameters of an OAuth request: a query, a form, or both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from entryway.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_PARAMETERS = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A secret in a URL ends up in logs and histories.
_NEVER_IN_A_QUERY = frozenset({"client_secret", "password", "assertion", "client_assertion", "refresh_token"})


def parse(encoded: bytes) -> dict[str, str]:
    """Return the parameters of one `application/x-www-form-urlencoded` text; each may appear once."""
    if not encoded:
        return {}
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError as error:  # includes UnicodeDecodeError, of the text or of what was percent-encoded
        raise InvalidRequest("The parameters cannot be understood") from error
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in parameters:
            raise InvalidRequest("A parameter is repeated")  # RFC 6749 §3.2
        if _CONTROL.search(name) or _CONTROL.search(value):
            raise InvalidRequest("A parameter holds a control character")
        parameters[name] = value
    return parameters


def of_request(query: bytes, body: bytes) -> Mapping[str, str]:
    """Return the parameters of query and body together; some clients send an empty body and everything in the query."""
    in_query, in_body = parse(query), parse(body)
    if _NEVER_IN_A_QUERY & in_query.keys():
        raise InvalidRequest("Secrets must be sent in the body or in the Authorization header, not in the URL")
    if in_query.keys() & in_body.keys():
        raise InvalidRequest("A parameter is repeated")
    return in_query | in_body
