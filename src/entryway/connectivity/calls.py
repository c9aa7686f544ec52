"""What an application asks the proxy for, read from its request once."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from entryway.errors import BadRequest
from entryway.http import Form, Headers, HeadersTooLarge, Target, end_to_end, parse_target
from entryway.tunnel.failures import (
    HttpsNotOffered,
    LocationMalformed,
    NotAbsoluteForm,
    PrincipalInvalid,
    ProxyAuthenticationRequired,
)
from entryway.tunnel.forwarding import PRINCIPAL, REQUEST_ID, for_the_backend
from entryway.tunnel.identity import check_location_id

LINE_LIMIT = 8192
# The name has an underscore in its middle; who writes a dash means the same, and must not reach another location.
LOCATIONS = frozenset({b"sap-connectivity-scc-location_id", b"sap-connectivity-scc-location-id"})
# Either one says on whose behalf the system is called: a person, or a technical user.
PRINCIPAL_HEADERS = (b"sap-connectivity-authentication", b"sap-connectivity-technical-authentication")

_REPLACED = frozenset({b"host", REQUEST_ID})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a system on premise."""

    target: Target
    location_id: str
    proxy_token: str = field(repr=False)
    principal: str | None = field(repr=False)

    @property
    def authority(self) -> str:
        """Virtual host and port, as the target has them."""
        host = f"[{self.target.host}]" if ":" in (self.target.host or "") else self.target.host
        return f"{host}" if self.target.port is None else f"{host}:{self.target.port}"

    @property
    def url(self) -> str:
        """The target in absolute-form, which is how it crosses the tunnel."""
        return f"http://{self.authority}{self.target.origin_form}"


def read_call(method: str, target: str, headers: Headers) -> Call:
    """Return what is asked for, or raise with what is wrong about it."""
    for name, value in headers.raw:
        if len(value) + len(name) + 4 > LINE_LIMIT:
            raise HeadersTooLarge
    return Call(
        _target(method, target),
        _location(headers),
        proxy_token(headers),
        _principal(headers),
    )


def tunnel_headers(headers: Headers, call: Call, principal: str | None, request_id: str) -> Headers:
    """Return the header fields that cross the tunnel."""
    crossing = [header for header in for_the_backend(end_to_end(headers)).raw if header[0] not in _REPLACED]
    # RFC 9112 §3.2.2: a proxy goes by the target and ignores the Host field.
    crossing += [(b"host", call.authority.encode()), (REQUEST_ID, request_id.encode())]
    if principal is not None:
        crossing.append((PRINCIPAL, principal.encode("latin-1")))
    return Headers.trusted(crossing)  # all of it was parsed from header values, or is ours


def proxy_token(headers: Headers) -> str:
    """Return the token of Proxy-Authorization: `Bearer <jwt>`, or Basic with the token as user and no password."""
    values = headers.all(b"proxy-authorization")
    if len(values) != 1:
        raise ProxyAuthenticationRequired(detail="no Proxy-Authorization" if not values else "several of them")
    scheme, _, credentials = values[0].strip().partition(b" ")
    credentials = credentials.strip()
    if scheme.lower() == b"bearer" and credentials:
        return credentials.decode("latin-1")
    if scheme.lower() == b"basic":
        return _token_of_basic(credentials)
    raise ProxyAuthenticationRequired(detail="neither Bearer nor Basic")


def request_id_of(headers: Headers, fresh: str) -> str:
    """Return the caller's id of the request, if it can stand in a log, else the fresh one."""
    given = headers.get(REQUEST_ID)
    return given.decode() if given is not None and _REQUEST_ID.fullmatch(given) else fresh


def _target(method: str, text: str) -> Target:
    if method == "CONNECT":
        raise HttpsNotOffered
    try:
        target = parse_target(method, text)
    except ValueError as error:
        raise NotAbsoluteForm(detail=str(error)) from error
    if target.form is not Form.ABSOLUTE:
        raise NotAbsoluteForm
    if target.scheme != "http":
        raise HttpsNotOffered
    return target


def _location(headers: Headers) -> str:
    values = [value for name, value in headers.raw if name in LOCATIONS]
    if not values:
        return ""
    location_id = values[0].decode("latin-1")
    try:
        check_location_id(location_id)
    except BadRequest as error:
        raise LocationMalformed from error
    if len(values) > 1:
        raise LocationMalformed(detail="several location ids")
    return location_id


def _principal(headers: Headers) -> str | None:
    values = [value for name in PRINCIPAL_HEADERS for value in headers.all(name)]
    if not values:
        return None
    if len(values) > 1:
        raise PrincipalInvalid(detail="several principals")
    scheme, _, token = values[0].strip().partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise PrincipalInvalid(detail="not Bearer <token>")
    return token.strip().decode("latin-1")


def _token_of_basic(credentials: bytes) -> str:
    try:
        user, separator, password = base64.b64decode(credentials, validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError) as error:
        raise ProxyAuthenticationRequired(detail="Basic credentials are not base64") from error
    if not separator or not user or password:
        raise ProxyAuthenticationRequired(detail="Basic credentials must be a token and an empty password")
    return user
