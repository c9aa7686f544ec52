"""What the router asks the destination service: where a system is and how to log on to it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote

from entryway.clients.http import Answer, HttpClient, Timeouts, call
from entryway.errors import EntrywayError, UpstreamError

NO_NAMES = frozenset({"", ".", ".."})
"""What would lead to another path of the service."""


class DestinationUnknown(EntrywayError):
    """Neither the service instance nor the subaccount has a destination of this name."""

    code: ClassVar[str] = "destination_unknown"
    title: ClassVar[str] = "The destination of this route is not known"


@dataclass(frozen=True, slots=True)
class AuthToken:
    """One way to log on: the header to send, or the error why there is none."""

    type: str
    value: str = field(repr=False)
    header_name: str
    header_value: str = field(repr=False)
    expires_in: int | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """A key store or trust store that the destination names."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FoundDestination:
    """A destination as the service knows it; every value of its configuration is text."""

    name: str
    configuration: Mapping[str, str] = field(repr=False)
    auth_tokens: tuple[AuthToken, ...]
    instance_id: str | None
    subaccount_id: str | None
    certificates: tuple[StoredCertificate, ...] = ()


@dataclass(frozen=True, slots=True)
class DestinationsClient:
    """Speaks to the destination service at `uri`, the value of that name in its binding."""

    http: HttpClient
    uri: str
    timeout: Timeouts | None = None

    async def find(
        self,
        name: str,
        token: str,
        *,
        user_token: str | None = None,
        tenant: str | None = None,
        skip_token_retrieval: bool = False,
        correlation_id: str | None = None,
    ) -> FoundDestination:
        """Return the destination; `token` is the service's own or the user's, exchanged for the service's client."""
        if name in NO_NAMES:
            raise DestinationUnknown(f"no destination is named {name!r}")
        headers = {"authorization": f"Bearer {token}", "accept": "application/json;charset=utf-8"}
        if user_token:
            headers["x-user-token"] = user_token
        if tenant:
            headers["x-tenant"] = tenant
        if correlation_id:
            headers["x-correlationid"] = correlation_id
        url = f"{self.uri.rstrip('/')}/destination-configuration/v1/destinations/{quote(name, safe='')}"
        params = {"$skipTokenRetrieval": "true"} if skip_token_retrieval else None
        answer = await call(self.http, "GET", url, headers=headers, params=params, timeout=self.timeout)
        if answer.status == 404:
            raise DestinationUnknown(f"{answer.origin}: {_message(answer) or name}")
        if answer.status != 200:
            raise UpstreamError(answer.origin, f"destination {name}: answered {answer.status} {_message(answer)}")
        return parse_found(name, answer)


def parse_found(name: str, answer: Answer) -> FoundDestination:
    """Return the destination in an answer of the find interface, or raise because it is none."""
    content = answer.json_object()
    configuration = content.get("destinationConfiguration")
    if not isinstance(configuration, dict):
        raise UpstreamError(answer.origin, f"destination {name}: the answer has no destinationConfiguration")
    owner = content.get("owner")
    owner = owner if isinstance(owner, dict) else {}
    tokens = [] if content.get("authTokens") is None else content["authTokens"]
    if not isinstance(tokens, list):
        raise UpstreamError(answer.origin, f"destination {name}: authTokens is not a list")
    return FoundDestination(
        name,
        {key: value if isinstance(value, str) else str(value) for key, value in configuration.items()},
        tuple(_auth_token(token) for token in tokens if isinstance(token, dict)),
        owner.get("InstanceId") or None,
        owner.get("SubaccountId") or None,
        tuple(_certificates(name, answer, content.get("certificates"))),
    )


def _certificates(name: str, answer: Answer, found: object) -> Iterator[StoredCertificate]:
    for entry in found if isinstance(found, list) else []:
        told = {key.lower(): value for key, value in entry.items()} if isinstance(entry, dict) else {}
        try:
            yield StoredCertificate(str(told["name"]), b64decode(str(told["content"]), validate=True))
        except (KeyError, ValueError):
            raise UpstreamError(answer.origin, f"destination {name}: a certificate cannot be read") from None


def _auth_token(token: Mapping[str, Any]) -> AuthToken:
    header = token.get("http_header")
    header = header if isinstance(header, dict) else {}
    expires_in = str(token.get("expires_in", ""))
    # The mere presence of `error` means failure, whatever it holds.
    error = (str(token["error"]) or "unknown error") if "error" in token else None
    return AuthToken(
        str(token.get("type", "")),
        str(token.get("value", "")),
        str(header.get("key", "")),
        str(header.get("value", "")),
        int(expires_in) if expires_in.isascii() and expires_in.isdigit() else None,
        error,
    )


def _message(answer: Answer) -> str:
    try:
        return str(answer.json_object().get("ErrorMessage", ""))[:300]
    except UpstreamError:
        return ""
