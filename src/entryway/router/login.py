"""What the login decides: where the browser is sent, whether what comes back belongs to it, and where it goes then.

Nothing is stored for a login that has only begun. The browser gets a random cookie; `state` is a time, a nonce and a
keyed hash over both and the cookie, and the PKCE verifier is derived from cookie and state. So whoever sends back a
state must hold the cookie, for three minutes, and a flood of begun logins costs no memory.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from entryway.router.cookies import STATE_SECONDS
from entryway.router.errors import (
    LoginCookieMissing,
    LoginDenied,
    LoginLocationRefused,
    LoginServerFailed,
    LoginStateInvalid,
    LoginStateMissing,
)
from entryway.router.queries import read_query

SIGNATURE_BYTES = 20
MOST_USED_STATES = 100_000
STATE_COOKIE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class LoginKeys:
    """Keys for what must come back unchanged: equal in every process that knows the secret behind them."""

    location: bytes = field(repr=False)
    state: bytes = field(repr=False)
    verifier: bytes = field(repr=False)


def derive_keys(secret: str, state_secret: str | None, authority: str = "xsuaa") -> LoginKeys:
    """Derive the keys from the client's secret, or what stands for it; one of one's own may replace it for the state.

    Each authority has keys of its own, so that no answer of one passes for the other's.
    """
    base = secret.encode()
    own = state_secret.encode() if state_secret else base
    return LoginKeys(
        *(
            hmac.digest(key, f"entryway router {authority} {purpose}".encode(), hashlib.sha256)
            for key, purpose in ((base, "location"), (own, "state"), (own, "verifier"))
        )
    )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to log in: the browser's cookie, the state, and the secret of its PKCE challenge."""

    cookie: str
    state: str
    verifier: str = field(repr=False)

    @property
    def challenge(self) -> str:
        return _b64(hashlib.sha256(self.verifier.encode()).digest())


def begin(keys: LoginKeys, earlier_cookie: str | None, now: float, chance: bytes) -> Attempt:
    """Begin a login; a browser that has begun one in another tab keeps its cookie, so that both can end well."""
    if earlier_cookie and STATE_COOKIE.fullmatch(earlier_cookie):
        cookie = earlier_cookie
    else:
        cookie = str(uuid.UUID(bytes=chance[:16], version=4))
    head = (int(now) & 0xFFFFFFFF).to_bytes(4, "big") + chance[16:20]
    state = str(uuid.UUID(bytes=head + _state_mac(keys, cookie, head)))
    return Attempt(cookie, state, _verifier(keys, cookie, state))


def check_state(keys: LoginKeys, state: str, cookies: list[str], now: float) -> Attempt:
    """Return the attempt that the state belongs to, or raise LoginStateInvalid."""
    head, mac = _open_state(state, now)
    for cookie in cookies:
        if hmac.compare_digest(_state_mac(keys, cookie, head), mac):
            return Attempt(cookie, state, _verifier(keys, cookie, state))
    raise LoginStateInvalid("the login was begun in another browser" if cookies else "the state cookie is missing")


def is_open(state: str, now: float) -> bool:
    """Tell whether a state is of a login that was begun lately; by whom shows with the browser's cookie alone."""
    try:
        _open_state(state, now)
    except LoginStateInvalid:
        return False
    return True


def _open_state(state: str, now: float) -> tuple[bytes, bytes]:
    # In this spelling alone: another one would be another state to those who remember which came back.
    if not STATE_COOKIE.fullmatch(state):
        raise LoginStateInvalid("the state is not one of ours")
    raw = uuid.UUID(state).bytes
    age = (int(now) - int.from_bytes(raw[:4], "big")) & 0xFFFFFFFF
    if age > STATE_SECONDS:
        raise LoginStateInvalid(f"the login was begun {age} seconds ago")
    return raw[:8], raw[8:]


class UsedStates:
    """Remembers which states came back already, for as long as they would be believed."""

    def __init__(self) -> None:
        self._used: OrderedDict[str, float] = OrderedDict()

    def use(self, state: str, now: float) -> None:
        """Take a state, or raise LoginStateInvalid if it was taken before."""
        while self._used and (
            next(iter(self._used.values())) < now - STATE_SECONDS or len(self._used) >= MOST_USED_STATES
        ):
            self._used.popitem(last=False)
        if state in self._used:
            raise LoginStateInvalid("the state was used already")
        self._used[state] = now

    def __contains__(self, state: str) -> bool:
        return state in self._used


def authorize_url(
    endpoint: str,
    client_id: str,
    redirect_uri: str,
    *,
    identity_provider: str | None,
    attempt: Attempt | None,
    pkce: bool,
    more: str = "",
) -> str:
    """Return where the browser asks for a code; `more` is what one kind of authority needs besides."""
    url = f"{endpoint}?response_type=code&client_id={_client_id(client_id)}&redirect_uri={encode(redirect_uri)}"
    if identity_provider:
        url += f"&idp={encode(identity_provider)}"
    url += more
    if attempt is not None:
        url += f"&state={attempt.state}"
        if pkce:
            url += f"&code_challenge={attempt.challenge}&code_challenge_method=S256"
    return url


def sign_location(keys: LoginKeys, location: str) -> str:
    """Return the signature by which we know a location again as one that we asked to log in for."""
    return base64.b64encode(_location_mac(keys, location)).decode()


def check_location(keys: LoginKeys, cookie: str | None, signature: str | None, *, signed: bool) -> str:
    """Return the path to go to after the login, which never leaves the application."""
    if cookie is None:
        raise LoginCookieMissing("locationAfterLogin cookie is missing")
    location = unquote(cookie)
    if signed:
        try:
            given = base64.b64decode(unquote(signature or ""), validate=True)
        except ValueError:
            given = b""
        if not hmac.compare_digest(given, _location_mac(keys, location)):
            raise LoginLocationRefused("Signature does not match")
    return local_path(location)


_OUTWARD = re.compile(r"^[/\\]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def local_path(location: str) -> str:
    """Return the location as a path of this application, which a browser cannot read as another host."""
    if _CONTROL.search(location):
        raise LoginLocationRefused("control character in locationAfterLogin")
    # Browsers take `//` and `/\\` at the beginning for a host.
    path = "/" + _OUTWARD.sub("", location, count=1)
    return quote(path, safe="/%?#[]@!$&'()*+,;=:-._~|{}^`\"<>")


def fragment_of(cookie: str | None) -> str:
    """Return the part after `#` that the page noted, ready for a Location header."""
    if not cookie:
        return ""
    fragment = unquote(cookie).removeprefix("#")
    return "#" + quote(fragment, safe="/%?#[]@!$&'()*+,;=:-._~") if fragment else ""


@dataclass(frozen=True, slots=True)
class Callback:
    """What the authorization server sent the browser back with."""

    code: str | None
    state: str | None
    error: str | None
    description: str


def parse_callback(target: str) -> Callback:
    """Read the query of the callback."""
    first = {name: values[0] for name, values in read_query(target).items()}
    return Callback(
        first.get("code") or None, first.get("state") or None, first.get("error"), first.get("error_description", "")
    )


def check_callback(callback: Callback, *, state_needed: bool) -> None:
    """Raise for a callback without state, or with an error of the authorization server."""
    if state_needed and callback.state is None:
        raise LoginStateMissing("State parameter is missing in the response from the authorization service")
    if callback.error is not None:
        # The texts are the server's, or a forger's: for the log, with everything unprintable taken out.
        reason = _printable(f"{callback.error}: {callback.description}")
        raise LoginDenied(reason) if callback.error == "access_denied" else LoginServerFailed(reason)


def encode(text: str) -> str:
    """Encode like JavaScript's encodeURIComponent."""
    return quote(text, safe="!'()*-._~")


def _client_id(client_id: str) -> str:
    # Clients expect `sb-app!t1` as it stands; only what would end the parameter is encoded.
    return quote(client_id, safe="!'()*-._~|:,/@$")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:200])


def _state_mac(keys: LoginKeys, cookie: str, head: bytes) -> bytes:
    return hmac.digest(keys.state, cookie.encode() + b"|" + head, hashlib.sha256)[:8]


def _verifier(keys: LoginKeys, cookie: str, state: str) -> str:
    return _b64(hmac.digest(keys.verifier, f"{cookie}|{state}".encode(), hashlib.sha256))


def _location_mac(keys: LoginKeys, location: str) -> bytes:
    return hmac.digest(keys.location, location.encode(), hashlib.sha256)[:SIGNATURE_BYTES]


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
