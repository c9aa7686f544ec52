"""Sessions: who a browser is, for as long as it keeps asking.

The cookie holds a random name and its signature; everything else stays here. `SessionStore` is the interface;
`memory_sessions` keeps sessions in this process, `shared_sessions` where several routers find them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Protocol
from urllib.parse import quote

from entryway.http.subclassable import mypyc_attr
from entryway.router.access_log import told_of
from entryway.router.backend_cookies import CookieJar
from entryway.router.csrf import new_token

NAME_BYTES: Final = 24  # 32 characters of base64
CSRF_BYTES: Final = 28
COOKIE_PREFIX: Final = b"s%3A"
MOST_ANONYMOUS = 50_000
"""Anybody can make the router begin a session without login; beyond this many, the one made first ends."""
NAME_LENGTH: Final = 32
NEVER: Final = float("inf")
NO_JARS: Final[Mapping[str, CookieJar]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Login:
    """What the authorization server said about the user; replaced as a whole when the token is refreshed."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: float
    refresh_at: float | None
    authorization: bytes = field(repr=False)
    scopes: frozenset[str]
    claims: Mapping[str, Any] = field(repr=False)
    user: str
    authority: str = "xsuaa"
    """Who the user logged in at: `xsuaa` or `ias`."""
    sid: str | None = field(default=None, repr=False)
    """The authority's name of its own session, where it announces that such a session has ended."""
    id_token: str | None = field(default=None, repr=False)
    notice: str = field(default="", repr=False)
    """The query by which the authority was asked to announce it."""
    # What every request asks, worked out once: each further object would be in no cache of the processor.
    renewal: float = field(init=False, repr=False, compare=False)
    """When to renew the token, as a number in any case."""
    told: str = field(init=False, repr=False, compare=False)
    """What the access log says of the user."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "renewal", NEVER if self.refresh_at is None else self.refresh_at)
        object.__setattr__(self, "told", told_of(self.user, str(self.claims.get("zid") or "")))

    @property
    def foreign_tenant(self) -> str | None:
        """The tenant of a user whom the identity service knows; None for users of the authorization server."""
        return None if self.authority == "xsuaa" else str(self.claims.get("zid") or "")


@mypyc_attr(allow_interpreted_subclasses=True)
@dataclass(slots=True, eq=False)
class Session:
    """One browser's session; without `login` it is anonymous."""

    name: str
    cookie: bytes = field(repr=False)
    """The value of the cookie, name and signature, as the browser must send it."""
    csrf_token: bytes = field(repr=False)
    touched: float
    login: Login | None = None
    jars: Mapping[str, CookieJar] = field(default_factory=lambda: NO_JARS, repr=False)
    """Session cookies of the backends, by destination."""
    found: dict[Any, Any] = field(default_factory=dict, repr=False)
    """What was found out for this user and may be used again: destinations, exchanged tokens."""
    refreshing: asyncio.Task[None] | None = field(default=None, repr=False)
    refresh_not_before: float = 0.0
    due: int = 0
    """The second in which the store looks whether it has expired."""
    ended: bool = False
    unreachable: bool = False
    """Whether the cookie is one of ours but the store cannot be asked what it stands for."""

    @property
    def browser(self) -> bool:
        """Whether a browser sends the cookie by itself, also when another site's page makes it ask."""
        return True

    @property
    def guarded(self) -> bool:
        """Whether requests that change something must show the CSRF token."""
        return True

    def join_cookies(self, own: bytes, kept: bytes) -> bytes:
        """Return the client's own cookies and those that were kept for it, as backends get them."""
        return own + b"; " + kept


class Renewal(Enum):
    """How the attempt to renew a token went."""

    DONE = 1
    REFUSED = 2
    FAILED = 3


class SessionStore(Protocol):
    """Where sessions are kept."""

    async def load(self, cookie: bytes) -> Session | None:
        """Return the session that this cookie value names, and note that it was used."""

    async def save(self, session: Session) -> None:
        """Keep a new session, or what changed in one."""

    async def drop(self, session: Session) -> None:
        """End a session: no cookie names it any more."""

    async def with_sid(self, sid: str) -> list[Session]:
        """Return the sessions of users whose login has this name at the identity service."""

    async def begin_renewal(self, session: Session, login: Login) -> bool:
        """Tell whether this process is to renew the token; if another one has, the session has the new one."""

    async def end_renewal(self, session: Session, login: Login, outcome: Renewal) -> None:
        """Let others know how the renewal went."""

    async def use_state(self, state: str, seconds: float) -> None:
        """Raise LoginStateInvalid if another process has seen this login come back."""

    def configure(self, timeout: float, on_expired: Callable[[Session], None]) -> None:
        """Go on under another configuration."""

    def start(self) -> None:
        """Begin what is done besides requests; a store that is not there is told of then, not at a login."""

    async def close(self) -> None:
        """Release what is held open."""


@dataclass(frozen=True, slots=True)
class SessionMaker:
    """Makes new sessions with signed names."""

    secret: bytes = field(repr=False)

    def new(self, chance: bytes, now: float) -> Session:
        """Make an anonymous session; `chance` is random bytes that nobody has seen."""
        name = base64.urlsafe_b64encode(chance[:NAME_BYTES]).decode()
        token = new_token(chance[NAME_BYTES : NAME_BYTES + CSRF_BYTES])
        return Session(name, self.cookie_value(name), token, now)

    def cookie_value(self, name: str) -> bytes:
        """Return name and signature in the form that cookies of this kind have: `s:<name>.<signature>`, URL-encoded."""
        signature = base64.b64encode(hmac.digest(self.secret, name.encode(), hashlib.sha256)).rstrip(b"=").decode()
        return quote(f"s:{name}.{signature}", safe="").encode()
