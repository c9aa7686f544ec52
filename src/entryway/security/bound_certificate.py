"""Tokens that are bound to a client's certificate (RFC 8705 §3.1): whoever sends one must have shown that certificate.

The certificate comes in a header from the proxy that ended TLS, which must remove the header from what clients send; or
it is that of the connection, where the application's own server asks for one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from entryway.security.errors import TokenInvalid

HEADER = "x-forwarded-client-cert"
# In the place of a header's name: the certificate of the connection. No header can have this name.
CONNECTION = ":client-certificate"
LONGEST_HEADER = 24 * 1024

_ENVOY = re.compile(r'(?:^|[;,])\s*Cert=(?:"([^"]*)"|([^;,"]*))', re.IGNORECASE)
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----")


def check_certificate(claims: Mapping[str, Any], headers: Sequence[str]) -> None:
    """Return if the token is bound to the certificate in the one header, else raise: also if it is bound to none."""
    confirmation = claims.get("cnf")
    bound = confirmation.get("x5t#S256") if isinstance(confirmation, dict) else None
    if not isinstance(bound, str) or not bound:
        raise TokenInvalid("certificate", "the token is not bound to one")
    if len(headers) != 1:
        raise TokenInvalid("certificate", "the request shows none, or several")
    shown = base64.urlsafe_b64encode(hashlib.sha256(_der(headers[0])).digest()).rstrip(b"=")
    if not hmac.compare_digest(shown, bound.rstrip("=").encode(errors="replace")):
        raise TokenInvalid("certificate", "the request shows another")


def _der(header: str) -> bytes:
    """Return the certificate in Base64, PEM (URL-encoded or not), or Envoy's `Cert="…"`."""
    named = _ENVOY.findall(header) if len(header) <= LONGEST_HEADER else ["", ""]
    if len(named) > 1:
        # A proxy that appends would put what the client wrote itself in front.
        raise TokenInvalid("certificate", "the request shows several, or one that is too large")
    text = unquote("".join(named[0])) if named else header
    if "-----BEGIN" in (text := unquote(text) if "%" in text else text):
        bodies = _PEM.findall(text)
        if len(bodies) != 1:
            raise TokenInvalid("certificate", "the request shows several, or none that can be read")
        text = bodies[0]
    try:
        der = base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise TokenInvalid("certificate", "the request shows none that can be read") from error
    if not der:
        raise TokenInvalid("certificate", "the request shows none")
    return der
