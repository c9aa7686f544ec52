"""Routes with `authenticationType: basic`: name and password in the request itself, for clients without a browser.

The first request logs in and begins a session; those that bring its cookie need no password any more.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from entryway.clients.tokens import TokenRefused
from entryway.config.mistakes import ConfigurationMistakes
from entryway.config.vcap import json_object
from entryway.http import Request
from entryway.router import audit
from entryway.router.errors import BasicCredentialsRequired, LoginRequired, LoginUnavailable
from entryway.router.identifiers import correlation_id
from entryway.router.routes import ServedRoute
from entryway.router.sessions import Session
from entryway.router.signin import SignIn, is_script
from entryway.router.xsuaa_authority import XsuaaAuthority

LONGEST = 4096
DEFAULT_REALM = "application"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody says to be."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BasicLogin:
    """Logs in with what the request brings."""

    authority: XsuaaAuthority | None
    signin: SignIn
    realm: str

    async def log_in(self, request: Request, served: ServedRoute) -> Session:
        """Return a new session for the user whose name and password the request brings, or raise."""
        if self.authority is None:
            raise LoginUnavailable("no service with the tag xsuaa is bound")
        credentials = parse_credentials(request.headers.get(b"authorization"))
        if credentials is None:
            # A browser would ask its user in a window of its own, behind the back of the script.
            raise LoginRequired(served.label) if is_script(request) else BasicCredentialsRequired(self.realm)
        try:
            authority = self._at_tenant(self.authority, request)
            followed = correlation_id(request.headers).decode("latin-1")
            user = await authority.password(credentials.username, credentials.password, followed)
        except TokenRefused as error:
            audit.login_refused(request, error.detail)
            raise LoginRequired("name and password were refused") from error
        return await self.signin.begin_session(user, request.headers.get(b"cookie"))

    def _at_tenant(self, authority: XsuaaAuthority, request: Request) -> XsuaaAuthority:
        tenants = self.signin.authorities.tenants
        return authority if tenants is None else authority.at_tenant(tenants.of(request))


def parse_credentials(header: bytes | None) -> Credentials | None:
    """Return name and password (RFC 7617), or None if the header holds none."""
    scheme, _, encoded = (header or b"").partition(b" ")
    if scheme.lower() != b"basic" or len(encoded) > LONGEST:
        return None
    try:
        username, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    if not colon or not username or _CONTROL.search(username + password):
        return None
    return Credentials(username, password)


def realm_of(environ: Mapping[str, str]) -> str:
    """Return how the application calls itself to somebody who is to log in: its name and address in the cloud."""
    try:
        application = json_object(environ.get("VCAP_APPLICATION") or "{}", "VCAP_APPLICATION")
    except ConfigurationMistakes:
        return DEFAULT_REALM
    name, uris = application.get("application_name"), application.get("application_uris") or application.get("uris")
    first = uris[0] if isinstance(uris, list) and uris else ""
    if not isinstance(name, str) or not isinstance(first, str):
        return DEFAULT_REALM
    return f"{name} at {first}"
