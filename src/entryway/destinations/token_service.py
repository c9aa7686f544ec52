"""The token service that a destination names: its address and what is sent there, decided before anything is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from entryway.destinations.documents import Destination
from entryway.destinations.errors import InvalidRequest, TokenFailure

DEFAULT_SECONDS = 10.0
CONNECT_LIMIT = 60
READ_LIMIT = 600
HEADERS = "tokenServiceURL.headers."
QUERIES = "tokenServiceURL.queries."
BODY = "tokenService.body."

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# They would change where the request goes or where it ends.
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type"})


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One request to a token service, complete."""

    url: str = field(repr=False)
    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    basic: tuple[str, str] | None = field(repr=False)
    connect_seconds: float
    read_seconds: float


def build_token_request(destination: Destination, grant: Mapping[str, str], url: str) -> TokenRequest:
    """Return the request for a token by `grant`, with everything that the destination adds."""
    properties = destination.properties
    _refuse_what_is_not_offered(properties)
    form = dict(grant)
    if scope := properties.get("scope"):
        form["scope"] = scope
    basic = None
    client_id, secret = require(destination, "clientId"), properties.get("clientSecret", "")
    if user := properties.get("tokenServiceUser"):
        basic = (user, properties.get("tokenServicePassword", ""))
    elif properties.get("tokenService.addClientCredentialsInBody", "true").lower() == "false":
        basic = (client_id, secret)
    else:
        form["client_id"] = client_id
        if secret:
            form["client_secret"] = secret
    form |= _prefixed(properties, BODY)
    return TokenRequest(
        _with_queries(url, _prefixed(properties, QUERIES)),
        form,
        {"accept": "application/json"} | _headers(properties),
        basic,
        _seconds(properties.get("tokenServiceURL.ConnectionTimeoutInSeconds"), CONNECT_LIMIT),
        _seconds(properties.get("tokenServiceURL.SocketReadTimeoutInSeconds"), READ_LIMIT),
    )


def dedicated_or_common_url(destination: Destination, subdomain: str | None) -> str:
    """Return the token service's address; a common one is completed with the tenant's subdomain."""
    url = usable_url(require(destination, "tokenServiceURL"))
    if not is_common(destination):
        return url
    if not subdomain:
        raise TokenFailure("the tenant's subdomain is not known, and a common token service needs it")
    return tenant_url(url, subdomain)


def is_common(destination: Destination) -> bool:
    """Return whether the token service is one address for all tenants."""
    kind = destination.properties.get("tokenServiceURLType", "Dedicated")
    if kind not in {"Dedicated", "Common"}:
        raise TokenFailure("tokenServiceURLType must be Dedicated or Common")
    return kind == "Common"


def check_tenant_header(destination: Destination, tenant: str | None) -> None:
    """Return if X-tenant is there exactly when a common token service needs it."""
    if is_common(destination) and not tenant:
        raise InvalidRequest("the header X-tenant is required, because tokenServiceURLType is Common")
    if not is_common(destination) and tenant:
        raise InvalidRequest("the header X-tenant is not allowed, because tokenServiceURLType is Dedicated")


def tenant_url(url: str, subdomain: str) -> str:
    """Return `url` with the subdomain in the place of `{tenant}`, else as the first label of the host."""
    if "{tenant}" in url:
        return url.replace("{tenant}", subdomain)
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{subdomain}.{parts.netloc}"))


def usable_url(url: str) -> str:
    """Return the address if it may be called, else raise."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    # User and password in an address are for people to be misled by: https://accounts.example@evil.example/
    if not usable or "@" in parts.netloc or "\\" in url:
        raise TokenFailure("tokenServiceURL must begin with http:// or https:// and a host, without user or password")
    return url.strip()


def require(destination: Destination, key: str) -> str:
    """Return a property that the authentication cannot do without."""
    value = destination.properties.get(key)
    if not value:
        raise TokenFailure(f"the property {key} is missing, and {destination.authentication} needs it")
    return value


def _refuse_what_is_not_offered(properties: Mapping[str, str]) -> None:
    if properties.get("tokenService.KeyStoreLocation"):
        raise TokenFailure("tokenService.KeyStoreLocation is not supported: key stores are not offered")
    if properties.get("clientAssertion.destinationName"):
        raise TokenFailure("clientAssertion.destinationName is not supported: client assertions are not offered")
    if properties.get("tokenServiceURL.ProxyType", "Internet") != "Internet":
        raise TokenFailure("tokenServiceURL.ProxyType can only be Internet")


def _headers(properties: Mapping[str, str]) -> dict[str, str]:
    headers = {name.lower(): value for name, value in _prefixed(properties, HEADERS).items()}
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name in _OWN_HEADERS or not value.isascii() or not value.isprintable():
            raise TokenFailure(f"the property {HEADERS}{name} cannot be sent as a header")
    return headers


def _prefixed(properties: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {
        key.removeprefix(prefix): value
        for key, value in properties.items()
        if key.startswith(prefix) and len(key) > len(prefix)
    }


def _with_queries(url: str, queries: Mapping[str, str]) -> str:
    if not queries:
        return url
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *queries.items()])
    return urlunsplit(parts._replace(query=query))


def _seconds(text: str | None, limit: int) -> float:
    # Out of range means the default, as clients of this interface know it.
    if text is None or not re.fullmatch(r"[0-9]{1,3}", text) or not 0 < int(text) <= limit:
        return DEFAULT_SECONDS
    return float(text)
