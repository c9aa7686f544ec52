"""Destinations that the variable `destinations` defines: name and URL of a backend, and how to talk to it."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field

from entryway.config.mistakes import Mistake
from entryway.config.schema import JsonDocument, check, wrong_type

DOCUMENT = "environment-destinations"
PROTOCOLS = ("http", "https", "ws", "wss")
NOT_ABSOLUTE = "URI must be absolute"
_HOST = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=:-]+")
_NAME_OR_ADDRESS = r"[A-Za-z0-9._-]+|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"
_PROOF = r"[!-.0-9;-?A-~]+:[!-.0-9;-?A-~]*"  # what is printed, without `/`, `:` and `@`
_PROXY = re.compile(rf"(?:http://)?(?:(?P<proof>{_PROOF})@)?\[?(?P<host>{_NAME_OR_ADDRESS})\]?/?")


def _absolute_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError(NOT_ABSOLUTE) from None
    if not parts.scheme or not value.lower().startswith(parts.scheme + "://"):
        raise ValueError(NOT_ABSOLUTE)
    if parts.scheme not in PROTOCOLS:
        raise ValueError(f"URI has unsupported protocol, supported protocols are {','.join(PROTOCOLS)}")
    if not parts.hostname:
        raise ValueError(NOT_ABSOLUTE)
    if not _HOST.fullmatch(parts.hostname) or not value.isprintable():
        raise ValueError("the host of the URL is not one (names beyond ASCII are written as xn--…)")
    return value


def _port(value: str | int) -> str | int:
    if not str(value).isascii() or not str(value).isdigit() or not 1 <= int(value) <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return value


def _proxy_host(value: str) -> str:
    if not _PROXY.fullmatch(value):
        raise ValueError("a proxy is named as host, http://host or user:password@host, and spoken to without TLS")
    return value


class DestinationDocument(JsonDocument):
    name: Annotated[str, Field(min_length=1)]
    url: Annotated[str, AfterValidator(_absolute_url)]
    proxy_host: Annotated[str, Field(min_length=1), AfterValidator(_proxy_host)] | None = None
    proxy_port: Annotated[str | int, AfterValidator(_port)] | None = None
    proxy_type: Literal["OnPremise", "Internet"] | None = None
    forward_auth_token: bool = False
    forward_auth_certificates: bool = False
    strict_ssl: bool = Field(True, alias="strictSSL")
    timeout: Annotated[int, Field(ge=1)] = 30_000
    set_x_forwarded_headers: bool = Field(True, alias="setXForwardedHeaders")
    ias_dependency_name: Annotated[str, Field(min_length=1)] | None = Field(None, alias="IASDependencyName")
    preserve_host_header: bool = False


@dataclass(frozen=True, slots=True)
class EnvironmentDestination:
    """One destination of the environment."""

    name: str
    url: str
    proxy: tuple[str, int] | None = None
    on_premise: bool = False
    forward_auth_token: bool = False
    forward_auth_certificates: bool = False
    strict_ssl: bool = True
    timeout_ms: int = 30_000
    set_x_forwarded_headers: bool = True
    preserve_host: bool = False
    ias_dependency_name: Annotated[str, Field(min_length=1)] | None = None
    proxy_authorization: str = field(default="", repr=False)
    """What the proxy is shown."""


def parse_destinations(value: Any) -> tuple[dict[str, EnvironmentDestination], list[Mistake]]:
    """Return the destinations by name, and every mistake in the list."""
    if not isinstance(value, list):
        return {}, [Mistake("destinations", "", wrong_type(value, "array"))]
    found: list[DestinationDocument] = []
    mistakes: list[Mistake] = []
    for index, raw in enumerate(value):
        document, wrong = check(DestinationDocument, raw, DOCUMENT)
        if document is not None:
            wrong = _mistakes(document)
            found.append(document)
        mistakes += [_named(mistake, raw, index) for mistake in wrong]
    return {document.name: _destination(document) for document in found}, mistakes + _duplicates(found)


def _named(mistake: Mistake, raw: Any, index: int) -> Mistake:
    name = raw.get("name") if isinstance(raw, dict) else None
    which = f'"{name}"' if name else f"number {index + 1}"
    where = f"in destination {which} of the variable destinations"
    instead = "write http://host:port/path" if NOT_ABSOLUTE in mistake.rule else mistake.suggestion
    hint = "; ".join(text for text in (where, instead) if text)
    return Mistake(mistake.file, mistake.path, mistake.rule, hint, mistake.severity)


def _mistakes(document: DestinationDocument) -> list[Mistake]:
    rules = []
    if (document.proxy_host is None) != (document.proxy_port is None):
        there, missing = ("proxyHost", "proxyPort") if document.proxy_host else ("proxyPort", "proxyHost")
        rules.append(f"Dependency failed - key must exist: {missing} (due to key: {there})")
    if document.proxy_type == "OnPremise" and document.forward_auth_token:
        rules.append("Format validation failed (forwardAuthToken is not possible with proxyType OnPremise)")
    return [Mistake(DOCUMENT, "", rule) for rule in rules]


def _duplicates(found: Sequence[DestinationDocument]) -> list[Mistake]:
    twice = [name for name, times in Counter(document.name for document in found).items() if times > 1]
    if not twice:
        return []
    return [Mistake("destinations", "", f"Format validation failed (Duplicate destination names: {', '.join(twice)})")]


def _destination(document: DestinationDocument) -> EnvironmentDestination:
    proxy, proof = None, ""
    named = _PROXY.fullmatch(document.proxy_host or "")
    if named is not None and document.proxy_port is not None:
        proxy, proof = (named["host"], int(document.proxy_port)), _basic(named["proof"])
    return EnvironmentDestination(
        document.name,
        document.url,
        proxy,
        document.proxy_type == "OnPremise",
        document.forward_auth_token,
        document.forward_auth_certificates,
        document.strict_ssl,
        document.timeout,
        document.set_x_forwarded_headers,
        document.preserve_host_header,
        document.ias_dependency_name,
        proof,
    )


def _basic(proof: str | None) -> str:
    """Return user and password, percent-encoded as in a URL, in the form of RFC 7617; nothing for nobody."""
    return "" if proof is None else "Basic " + base64.b64encode(unquote(proof).encode()).decode()
