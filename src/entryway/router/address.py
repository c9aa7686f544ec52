"""The address under which the client knows the application: not always the one that we listen on."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from entryway.http import Headers, Peer, Request
from entryway.router.errors import ForwardedHostRefused, RouteNotFound

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDING = frozenset(
    {
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-for",
        b"x-forwarded-path",
        b"x-forwarded-port",
        b"x-forwarded-client-cert",
        b"x-custom-host",
        b"forwarded",
    }
)
_LABEL = rb"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(
    rb"(?=.{1,259}\Z)(?:(?=[^:]{1,253}(?::|\Z))" + _LABEL + rb"(?:\." + _LABEL + rb")*\.?"
    rb"|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class Address:
    """Scheme, host and path prefix of the application, as the client wrote them."""

    proto: str
    host: str
    prefix: str

    @property
    def origin(self) -> str:
        return f"{self.proto}://{self.host}"

    @property
    def secure(self) -> bool:
        return self.proto == "https"


def trust_in(networks: Sequence[Network] | None) -> Callable[[Peer], bool]:
    """Return the test whose forwarding headers are believed; without a list, everybody's are.

    That is what front ends of Cloud Foundry and Kubernetes need, which call from changing addresses and replace these
    headers; who exposes the router itself names the proxies in TRUSTED_PROXIES (empty: nobody).
    """
    if networks is None:
        return lambda _peer: True
    known: dict[str, bool] = {}

    def trusted(peer: Peer) -> bool:
        answer = known.get(peer.host)
        if answer is None:
            try:
                address = ipaddress.ip_address(peer.host)
            except ValueError:
                return False
            answer = any(address in network for network in networks)
            if len(known) < 10_000:
                known[peer.host] = answer
        return answer

    return trusted


def check_forwarded_host(headers: Headers) -> None:
    """Raise unless every `x-forwarded-host` is a host with or without a port: links and redirects are made of it."""
    for value in headers.all(b"x-forwarded-host"):
        for host in value.split(b","):
            if not _HOST.fullmatch(host.strip(b" \t")):
                raise ForwardedHostRefused("x-forwarded-host is not a host")


def asked_host(request: Request, *, in_custom_header: bool) -> str:
    """Return the host that the client asked for, which a proxy in front says in a header of its own."""
    headers = request.headers
    given = headers.text("x-custom-host" if in_custom_header else "x-forwarded-host") or headers.text("host") or ""
    return given.partition(",")[0].strip()


def address_of(request: Request) -> Address:
    """Return the application's address as this request's client sees it."""
    headers = request.headers
    proto = headers.text("x-forwarded-proto")
    host = headers.text("x-forwarded-host") or headers.text("host") or "localhost"
    # Proxies in a row append to the list; the first is the one that the client talked to.
    proto = proto.partition(",")[0].strip().lower() if proto else request.scheme
    host = host.partition(",")[0].strip()
    return Address(proto if proto in ("http", "https") else request.scheme, _CONTROL.sub("", host), prefix_of(request))


def prefix_of(request: Request) -> str:
    """Return what stands before our path in `x-forwarded-path`."""
    outside = request.headers.text("x-forwarded-path")
    path = request.target.partition("?")[0]
    if not outside:
        return ""
    outside = outside.partition("?")[0]
    # A browser takes a backslash for a slash, and two of them at the beginning for a host.
    if path == "/" and not outside.endswith("/"):
        outside += "/"  # the folder itself was asked for
    if not outside.startswith("/") or not outside.endswith(path) or _CONTROL.search(outside) or "\\" in outside:
        return ""
    prefix = outside[: len(outside) - len(path)]
    # Two slashes at the beginning would make a host of the first folder.
    return "/" + prefix.strip("/") if prefix.strip("/") else ""


def require_origin_form(target: str) -> None:
    """Raise RouteNotFound for request targets that are no path: no route of an application can mean them."""
    if not target.startswith("/"):
        raise RouteNotFound(f"not a path: {target[:40]!r}")
