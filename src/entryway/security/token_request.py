"""What is asked of a token endpoint, when it is asked again, and what its answer means."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

from entryway.errors import ConfigurationError, UpstreamError
from entryway.security.wire import Answer, Conversation, NoAnswer, Pause, Request

CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant

# Never 400, 401 or 403: what was refused is refused again, and locks clients out.
WORTH_ANOTHER = frozenset({408, 429, 500, 502, 503, 504})
RETRIES = 3
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
LONGEST_LIFE = 366 * 24 * 3600
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
_ERROR = re.compile(r"[a-z_]{1,40}", re.ASCII)


class ExchangeFailed(UpstreamError):
    """The authorization server gave no token; `answered` is the status it said so with."""

    code: ClassVar[str] = "token_exchange_failed"
    title: ClassVar[str] = "The user's token could not be exchanged"

    def __init__(self, origin: str, detail: str = "", *, answered: int | None = None) -> None:
        super().__init__(origin, detail)
        self.answered = answered


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint gave; `expires_in` counts from its answer."""

    access_token: str = field(repr=False)
    expires_in: float
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True)
class TokenClientCredentials:
    """As whom and where tokens are asked for; with a certificate, at the address for certificates."""

    clientid: str
    url: str
    clientsecret: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    identityzone: str = ""
    uaadomain: str = ""


def parse_client(credentials: Mapping[str, Any]) -> TokenClientCredentials:
    """Return the client in the credentials of a binding, or raise naming what is missing."""
    if not isinstance(credentials, Mapping):
        raise ConfigurationError("these are no credentials of a service")
    text = {name: value for name, value in credentials.items() if isinstance(value, str)}
    by_certificate = bool(text.get("certificate") and text.get("certurl"))
    needed = ("clientid", "certificate", "certurl") if by_certificate else ("clientid", "clientsecret", "url")
    missing = [name for name in needed if not text.get(name)]
    if missing:
        raise ConfigurationError(f"the credentials of the service lack {', '.join(missing)}")
    url = text["certurl" if by_certificate else "url"].rstrip("/")
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not safe or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ConfigurationError("the address of the authorization server is no address that begins with https://")
    return TokenClientCredentials(
        text["clientid"],
        url,
        clientsecret="" if by_certificate else text["clientsecret"],
        certificate=text["certificate"] if by_certificate else "",
        key=text.get("key", "") if by_certificate else "",
        identityzone=text.get("identityzone", ""),
        uaadomain=text.get("uaadomain", ""),
    )


def token_request(
    client: TokenClientCredentials,
    grant: Mapping[str, str],
    *,
    scopes: Sequence[str] = (),
    subdomain: str | None = None,
    zid: str | None = None,
) -> Request:
    """Return the request for a token, of another tenant if one is named."""
    headers = {"accept": "application/json"}
    url = client.url
    if subdomain is not None:
        url = _at_subdomain(client, subdomain)
    if zid is not None:
        if not _ZONE.fullmatch(zid):
            raise ConfigurationError("the id of the tenant is none")
        headers["x-zid"] = zid
        # The bare host takes the tenant from the header; certificates count at a host of their own.
        if subdomain is None and not client.certificate and client.uaadomain:
            url = f"https://{client.uaadomain.removeprefix('https://').strip('/')}"
    form = {**grant, "client_id": client.clientid}
    if client.clientsecret:
        form["client_secret"] = client.clientsecret
    if scopes:
        form["scope"] = " ".join(scopes)
    return Request(f"{url}/oauth/token", headers, form)


def ask_for_tokens(request: Request, chance: Callable[[], float]) -> Conversation[Tokens]:
    """Ask, and again as long as the server says that it cannot answer just now."""
    for attempt in range(RETRIES + 1):
        answer = yield request
        pause = pause_before_another(answer, attempt, chance)
        if pause is None or attempt == RETRIES:
            return _tokens(request, answer)
        yield Pause(pause)
    raise AssertionError("the last attempt returns")


def pause_before_another(answer: Answer | NoAnswer | None, attempt: int, chance: Callable[[], float]) -> float | None:
    """Return how long to wait before asking again, or None if that is of no use."""
    if isinstance(answer, Answer):
        if answer.status not in WORTH_ANOTHER:
            return None
        wished = answer.headers.get("retry-after", "")
        if wished.isascii() and wished.isdigit():
            # A server that wants more patience than our caller has is not asked against its will.
            return float(wished) if len(wished) < 6 and float(wished) <= LONGEST_PAUSE else None
    # Not all at once, when many were refused at once.
    return float(FIRST_PAUSE * 2**attempt * (0.5 + chance() / 2))


def _tokens(request: Request, answer: Answer | NoAnswer | None) -> Tokens:
    if not isinstance(answer, Answer):
        reason = answer.reason if answer else "no answer"
        raise ExchangeFailed(request.origin, reason) from (answer.cause if answer else None)
    try:
        document = json.loads(answer.content)
    except (ValueError, RecursionError):
        document = None
    fields = document if isinstance(document, dict) else {}
    if answer.status != 200:
        name = fields.get("error")
        named = f" {name}" if isinstance(name, str) and _ERROR.fullmatch(name) else ""
        raise ExchangeFailed(request.origin, f"answered {answer.status}{named}", answered=answer.status)
    access = fields.get("access_token")
    if not isinstance(access, str) or not access:
        raise ExchangeFailed(request.origin, "answered without a token", answered=200)
    seconds = fields.get("expires_in")
    life = seconds if isinstance(seconds, int | float) and 0 <= seconds <= LONGEST_LIFE else 0
    more = {name: value for name in ("refresh_token", "id_token") if isinstance(value := fields.get(name), str)}
    scope = fields.get("scope")
    return Tokens(access, float(life), scope=scope if isinstance(scope, str) else "", **more)


def _at_subdomain(client: TokenClientCredentials, subdomain: str) -> str:
    if not _LABEL.fullmatch(subdomain):
        raise ConfigurationError("the subdomain of the tenant is none")
    own, parts = client.identityzone, urlsplit(client.url)
    if not own or not parts.netloc.startswith(f"{own}."):
        raise ConfigurationError("the address of the authorization server does not begin with the binding's subdomain")
    return client.url.replace(f"//{own}.", f"//{subdomain}.", 1)
