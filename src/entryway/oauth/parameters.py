"""The parameters of an OAuth request: a query, a form, or both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from entryway.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_PARAMETERS = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A secret in a URL ends up in logs and histories.
_NEVER_IN_A_QUERY = frozenset({"client_secret", "password", "assertion", "client_assertion", "refresh_token"})

_VISIBLE = bytes(range(0x20, 0x7F))
# What usually stands behind a percent sign.
_QUOTED = {code: chr(byte) for byte in range(0x20, 0x7F) for code in (f"{byte:02X}", f"{byte:02x}")}


def parse(encoded: bytes) -> dict[str, str]:
    """Return the parameters of one `application/x-www-form-urlencoded` text; each may appear once."""
    if not encoded:
        return {}
    parameters: dict[str, str] = {}
    try:
        if encoded.translate(None, _VISIBLE):
            raise InvalidRequest("The parameters hold what must be percent-encoded")
        pairs = encoded.decode("ascii").split("&")
        if len(pairs) > MOST_PARAMETERS:
            raise InvalidRequest("There are too many parameters")
        for pair in pairs:
            if not pair:
                continue
            name, _, value = pair.partition("=")
            if "%" in name or "+" in name:
                name = _decoded(name)
            if "%" in value or "+" in value:
                value = _decoded(value)
            if name in parameters:
                raise InvalidRequest("A parameter is repeated")  # RFC 6749 §3.2
            parameters[name] = value
    except ValueError as error:  # includes UnicodeDecodeError, of what was percent-encoded
        raise InvalidRequest("The parameters cannot be understood") from error
    return parameters


def _decoded(text: str) -> str:
    # `urllib.parse.parse_qsl` does the same; a token request is spent on a third of it.
    first, *others = text.replace("+", " ").split("%")
    try:
        return first + "".join([_QUOTED[part[:2]] + part[2:] for part in others])
    except KeyError:  # beyond ASCII, or wrong
        text = unquote_to_bytes(text.replace("+", " ")).decode()
    if _CONTROL.search(text):
        raise InvalidRequest("A parameter holds a control character")
    return text


def of_request(query: bytes, body: bytes) -> Mapping[str, str]:
    """Return the parameters of query and body together; some clients send an empty body and everything in the query."""
    if not query:
        return _with_values(parse(body))
    in_query, in_body = _with_values(parse(query)), _with_values(parse(body))
    if not _NEVER_IN_A_QUERY.isdisjoint(in_query):
        raise InvalidRequest("Secrets must be sent in the body or in the Authorization header, not in the URL")
    # Some clients name the request in both; what is the same twice cannot be misread.
    if any(in_body.get(name, value) != value for name, value in in_query.items()):
        raise InvalidRequest("A parameter is repeated")
    return in_query | in_body


def _with_values(parameters: dict[str, str]) -> dict[str, str]:
    # RFC 6749 §3.1 and §3.2: what is sent without a value is as good as not sent.
    return {name: value for name, value in parameters.items() if value} if "" in parameters.values() else parameters
