"""Whose pages and which proxies the environment trusts."""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

from entryway.config.environment_reader import Reader
from entryway.config.mistakes import Mistake
from entryway.config.schema import Document

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class WsOriginDocument(Document):
    host: str
    protocol: str | None = None
    port: int | str | None = None


class AllowlistDocument(Document):
    host: str
    protocol: str | None = None
    port: int | str | None = None


def read_allowlist(read: Reader) -> tuple[AllowlistDocument, ...] | None:
    """Return whose pages may show the application in a frame."""
    entries = read.documents("CJ_PROTECT_WHITELIST", "clickjack-whitelist", AllowlistDocument)
    for index, entry in enumerate(entries or ()):
        if "*" in entry.host.removeprefix("*") or (entry.host.startswith("*") and not entry.host.startswith("*.")):
            rule = f'Format validation failed ("{entry.host}": * may stand for the first label only)'
            read.mistakes.append(Mistake("clickjack-whitelist", f"/{index}", rule))
    return entries


def read_networks(read: Reader) -> tuple[Network, ...] | None:
    """Read `TRUSTED_PROXIES`: whose forwarding headers are believed; unset believes everybody's."""
    text = read.environ.get("TRUSTED_PROXIES")
    if text is None:
        return None
    networks: list[Network] = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            read.unreadable("TRUSTED_PROXIES", f'"{word}" is neither an address nor a network')
    return tuple(networks)
