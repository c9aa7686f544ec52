"""Which application of the HTML5 application repository a URL means: `/<prefix>.<name>-<version>/~<buster>~/<path>`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from entryway.config.business_services import BusinessService
from entryway.config.js_regex import JsRegex

_SEGMENT = re.compile(r"/((?:([^/.?-]+)\.)?([A-Za-z0-9_]+)(?:-([0-9]+\.[0-9]+\.[0-9]+))?)(?=/|$)")
_BUSTER = re.compile(r"/~[^/~?]*~(?=/|$)")
_REFRESH = re.compile(r"(?:^|&)skipXSAppJsonCache=([^&]*)", re.IGNORECASE)
RESERVED = frozenset({"favicon.ico", "login"})


@dataclass(frozen=True, slots=True)
class HostedAddress:
    """What a URL says about an application, and the URL as the application's own routes see it."""

    segment: str
    """The first segment, as it stands in the URL."""
    key: str
    """Name and version, as the repository knows the application."""
    app_host_id: str | None
    url: str
    busted: bool
    """Whether the URL changes with the content, so that its answers may be kept forever."""
    refresh: bool
    """Whether the client asks for the application's configuration as it is now."""


def hosted_prefixes(own: Iterable[str], services: Mapping[str, BusinessService]) -> dict[str, str | None]:
    """Return what may stand before an application's name: the services that own applications, and whose those are."""
    prefixes: dict[str, str | None] = {name.replace(".", ""): None for name in own}
    for name, service in services.items():
        if service.credentials.repository is not None:
            prefixes[name.replace(".", "")] = service.credentials.repository.app_host_id
    return prefixes


def parse_hosted_address(
    target: str, prefixes: Mapping[str, str | None], direct: Sequence[JsRegex]
) -> HostedAddress | None:
    """Return the address, or None if the URL is for the central routes; `prefixes` know their app host ids."""
    path, mark, query = target.partition("?")
    found = _SEGMENT.match(path)
    # A query directly after the name, as in `/name?x`, is none of an application's.
    if found is None or (mark and found.end() == len(path)):
        return None
    segment, prefix, name, version = found.groups()
    if segment in RESERVED or any(pattern.pattern.search(segment) for pattern in direct):
        return None
    if prefix is not None and prefix not in prefixes:
        return None
    rest = path[found.end() :]
    buster = _BUSTER.match(rest)
    if buster is not None:
        rest = rest[buster.end() :]
    refresh = _REFRESH.search(query)
    if refresh is not None:
        query = _REFRESH.sub("", query).lstrip("&")
    return HostedAddress(
        segment,
        name if version is None else f"{name}-{version}",
        None if prefix is None else prefixes[prefix],
        (rest or "/") + (f"?{query}" if query else ""),
        buster is not None,
        refresh is not None and refresh[1].lower() == "true",
    )
