"""How a client says who it is at the token endpoint (RFC 6749 §2.3.1)."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from entryway.oauth.errors import BadCredentials, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles what that costs
class PresentedCredentials:
    """What a caller claims; nothing is proved yet."""

    client_id: str
    secret: str = field(repr=False)


def presented(
    authorization: str | None, parameters: Mapping[str, str], *, url_encoded: bool
) -> Sequence[PresentedCredentials]:
    """Return how the credentials may be read, the likeliest first; raise if there are none or two that disagree.

    `url_encoded` says that the caller declared its Basic credentials URL-encoded (`X-CF-ENCODED-CREDENTIALS: true`).
    """
    if authorization is None:
        return [_from_body(parameters)]
    readings = _from_basic(authorization, url_encoded=url_encoded)
    if "client_secret" in parameters:
        # RFC 6749 §2.3 wants one way only; clients that say the same twice contradict nobody.
        same = parameters["client_secret"].encode()
        readings = [reading for reading in readings if hmac.compare_digest(reading.secret.encode(), same)]
        if not readings:
            raise InvalidRequest("Client credentials must be presented in one way only")
    named = parameters.get("client_id")
    if named is not None:
        readings = [reading for reading in readings if reading.client_id == named]
        if not readings:
            raise InvalidRequest("Given client ID does not match authenticated client")
    return readings


def _from_body(parameters: Mapping[str, str]) -> PresentedCredentials:
    client_id, secret = parameters.get("client_id", ""), parameters.get("client_secret", "")
    if not client_id or not secret:
        raise BadCredentials("Bad credentials", "no client credentials in the request")
    return PresentedCredentials(client_id, secret)


def _from_basic(authorization: str, *, url_encoded: bool) -> Sequence[PresentedCredentials]:
    kind, _, encoded = authorization.partition(" ")
    if kind.lower() != "basic":
        raise BadCredentials("Bad credentials", "the Authorization header is not Basic")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise BadCredentials("Bad credentials", "the Basic credentials are not base64 of UTF-8") from error
    client_id, colon, secret = text.partition(":")
    if not colon or not client_id or not secret or not text.isprintable():
        raise BadCredentials("Bad credentials", "the Basic credentials are not client:secret")
    raw = PresentedCredentials(client_id, secret)
    if "%" not in text and "+" not in text:
        return [raw]
    try:
        decoded = PresentedCredentials(unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict"))
    except UnicodeDecodeError as error:
        raise BadCredentials("Bad credentials", "the Basic credentials are not URL-encoded UTF-8") from error
    # RFC 6749 encodes before it joins; most clients of this format do not, and say so by not sending the header.
    return [decoded] if url_encoded else [raw, decoded]
