"""Sessions of calling services: each belongs to one caller, and lasts as long as the caller says or its token.

Without a store they live for one request. In the store of shared sessions they are named by the caller
(`x-approuter-ext-session-id`, signed) or by the token that it shows.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from entryway.config.environment_model import ServiceSessionSettings
from entryway.http import Headers, Request
from entryway.router.backend_cookies import CookieJar
from entryway.router.errors import ServiceSessionMalformed, ServiceSessionRefused
from entryway.router.service_callers import Caller
from entryway.router.sessions import Session

ID = b"x-approuter-ext-session-id"
SIGNATURE = b"x-approuter-ext-session-id-sig"
EXPIRY = b"x-approuter-ext-session-expiry"
HEADERS = frozenset({ID, SIGNATURE, EXPIRY})
LONGEST_SECONDS = 366 * 24 * 3600.0
LONGEST_UNSIGNED_SECONDS = 24 * 3600.0
"""What a caller asks for beyond this, it does not get: without signatures every user may name as many as they like."""
SURELY_MILLISECONDS = 100_000_000_000
_NUMBER = re.compile(r"[0-9]{1,16}")
_NAME = re.compile(r"[\x21-\x7e]{1,256}")


# Without slots: where `Session` is compiled, they would hide its own.
@dataclass(eq=False)
class ServiceSession(Session):
    """What is known of the caller, for one request."""

    settings: ServiceSessionSettings = field(default_factory=ServiceSessionSettings)
    record: Record | None = None
    """What the store has of it, if it is kept there."""

    @property
    def browser(self) -> bool:
        return False

    @property
    def guarded(self) -> bool:
        # Nobody can forge the call from a page; some callers want the token all the same, for those behind them.
        return self.settings.keeps_csrf_token and self.record is not None

    @property
    def keeps_cookies(self) -> bool:
        """Whether session cookies of backends stay in the store."""
        return self.settings.keeps_cookies and self.record is not None

    def join_cookies(self, own: bytes, kept: bytes) -> bytes:
        # Services that get them sealed have always had them joined without a blank.
        separator = b"; " if self.keeps_cookies else b";"
        return separator.join([*(part.strip(b" \t") for part in own.split(b";")), kept])


@dataclass(frozen=True, slots=True)
class SessionName:
    """Which session a call is for, and until when that is kept."""

    text: str
    until: float


@dataclass(frozen=True, slots=True)
class Record:
    """A session as the store has it."""

    name: SessionName
    key: bytes
    csrf_token: bytes = field(repr=False)
    jars: Mapping[str, CookieJar] = field(repr=False)
    is_new: bool


class ServiceRecords(Protocol):
    """Where sessions of services are kept."""

    async def open(self, name: SessionName, caller: Caller) -> Record:
        """Return the caller's session of this name, new or not; raise SessionStoreUnavailable."""

    async def keep(self, record: Record, jars: Mapping[str, CookieJar]) -> None:
        """Note which session cookies of backends it has now; raise SessionStoreUnavailable."""


def name_of(headers: Headers, caller: Caller, settings: ServiceSessionSettings, now: float) -> SessionName:
    """Return which session a call is for: the one that it names and may name, else the one of its token."""
    given = headers.get(ID)
    if not given:
        return SessionName(caller.token_id, caller.login.expires_at)
    text = given.decode("latin-1")
    if not _NAME.fullmatch(text):
        raise ServiceSessionMalformed("the session's id is longer than 256 characters, or not of printable ones")
    if not settings.unsigned:
        check_signature(given, headers.get(SIGNATURE), settings)
    longest = LONGEST_UNSIGNED_SECONDS if settings.unsigned else LONGEST_SECONDS
    return SessionName(text, min(read_expiry(headers.get(EXPIRY), now), now + longest))


def check_signature(name: bytes, signature: bytes | None, settings: ServiceSessionSettings) -> None:
    """Raise ServiceSessionRefused unless the name was signed with one of the secrets."""
    if not settings.secrets:
        raise ServiceSessionRefused("no secret is set by which a session's id could be judged")
    for secret in settings.secrets:
        digest = hmac.digest(secret.encode(), name, hashlib.sha256)
        if hmac.compare_digest(base64.b64encode(digest).rstrip(b"="), signature or b""):
            return
    raise ServiceSessionRefused("the session's id has no signature" if not signature else "its signature does not hold")


def read_expiry(value: bytes | None, now: float) -> float:
    """Return until when a session is to be kept; what can only be milliseconds is read as such."""
    text = "" if value is None else value.decode("latin-1").strip()
    if not _NUMBER.fullmatch(text):
        raise ServiceSessionMalformed("the session's expiry is missing, or no number of seconds since 1970")
    until = int(text) / (1000 if int(text) >= SURELY_MILLISECONDS else 1)
    if until <= now:
        raise ServiceSessionRefused("the session has expired")
    return until


def take_headers(request: Request) -> None:
    """Take what names the session out of the request: it is between the caller and the router."""
    request.headers = request.headers.without(HEADERS)
