"""Judges the tokens of an identity service, which say who somebody is and, groups apart, not what they may do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from entryway.security.bindings import read_bindings
from entryway.security.claims import check_times, named_applications
from entryway.security.errors import BindingMissing, KeysUnavailable, TokenInvalid
from entryway.security.fetch import ask, parse_keys
from entryway.security.identity_context import NAME, ORIGIN, IdentityContext, issuer_of, tenant_of
from entryway.security.judge import Judge
from entryway.security.jwks_client import KeyPlace
from entryway.security.jws import UnverifiedToken
from entryway.security.keys import KeyCache
from entryway.security.wire import Conversation

if TYPE_CHECKING:
    import ssl

DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class IdentityCredentials:
    """Who we are to the identity service, and where its tokens may come from."""

    clientid: str
    domains: tuple[str, ...]
    url: str = ""
    app_tid: str = ""

    def trusts(self, issuer: str) -> bool:
        """Return whether an issuer is the service itself, or one label at or below a trusted domain."""
        host = issuer.removeprefix("https://").lower()
        if issuer == self.url:
            return True
        return any(
            host == domain or (host.endswith(f".{domain}") and "." not in host.removesuffix(f".{domain}"))
            for domain in self.domains
        )


def parse_identity(credentials: Mapping[str, Any]) -> IdentityCredentials:
    """Return the credentials of an `identity` binding, or raise naming what is missing."""
    if not isinstance(credentials, Mapping):
        raise BindingMissing("these are no credentials of a binding")
    text = {name: value for name, value in credentials.items() if isinstance(value, str) and value}
    domains = credentials.get("domains") or [text.get("domain")]
    if not isinstance(domains, list) or not all(isinstance(domain, str) and domain for domain in domains):
        domains = []
    wrong = [name for name in ("clientid",) if name not in text] + ([] if domains else ["domains"])
    if wrong:
        raise BindingMissing(f"the binding lacks {', '.join(wrong)}")
    tenant = text.get("app_tid") or text.get("zone_uuid") or ""
    return IdentityCredentials(
        text["clientid"], tuple(domain.lower() for domain in domains), text.get("url", "").rstrip("/"), tenant
    )


def find_identity(environ: Mapping[str, str] | None = None, workdir: Path | None = None) -> IdentityCredentials:
    """Return the credentials of the bound identity service."""
    for binding in read_bindings(environ, workdir):
        if "identity" in {binding.label, *binding.tags}:
            return parse_identity(binding.credentials)
    raise BindingMissing("no service with the tag identity is bound")


class IdentityTokenValidator(Judge[IdentityContext]):
    """Judges the tokens that the bound identity service issues for one application."""

    def __init__(
        self,
        credentials: IdentityCredentials,
        *,
        any_tenant: bool = False,
        leeway: float = 0.0,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        keys: KeyCache | None = None,
    ) -> None:
        """Take the credentials of a binding; with `any_tenant` tokens of other tenants than the binding's count too."""
        super().__init__(leeway=leeway, tls=tls, clock=clock, keys=keys)
        self.credentials = credentials
        self._any_tenant = any_tenant

    def acceptable(self, claims: Mapping[str, Any], now: float) -> None:
        check_times(claims, now, self.leeway)
        issuer = issuer_of(claims)
        if not self.credentials.trusts(issuer):
            raise TokenInvalid("issuer", issuer[:200])
        own, tenant = self.credentials.app_tid, tenant_of(claims)
        if own and tenant and tenant != own and not self._any_tenant:
            raise TokenInvalid("other_tenant")
        if self.credentials.clientid not in named_applications(claims):
            raise TokenInvalid("audience")

    def key_place(self, token: UnverifiedToken) -> KeyPlace:
        issuer = issuer_of(token.claims)
        return KeyPlace(issuer.removeprefix("https://").lower(), f"{issuer} {tenant_of(token.claims)}")

    def ask_for_keys(self, token: UnverifiedToken) -> Conversation[dict[str, Any]]:
        issuer = issuer_of(token.claims)
        # The service refuses its keys for applications and tenants that have nothing to do with one another.
        asked_by = {"x-client_id": self.credentials.clientid, "x-app_tid": tenant_of(token.claims)}
        azp = token.claims.get("azp")
        if isinstance(azp, str) and NAME.fullmatch(azp):
            asked_by["x-azp"] = azp
        found = yield from ask(f"{issuer}{DISCOVERY}", {})
        address = _keys_address(found.content) if found.status == 200 else None
        if address is None or not self._is_own(address, issuer):
            raise KeysUnavailable("the discovery document names no address of its own for the keys")
        answer = yield from ask(address, {name: value for name, value in asked_by.items() if value})
        return parse_keys(answer.status, answer.content)

    def context(self, token: UnverifiedToken) -> IdentityContext:
        return IdentityContext(token.text, token.claims)

    def _is_own(self, address: str, issuer: str) -> bool:
        try:
            parts = urlsplit(address)
        except ValueError:
            return False
        origin = f"{parts.scheme}://{parts.netloc}"
        return bool(ORIGIN.fullmatch(origin)) and (origin == issuer or self.credentials.trusts(origin))


def _keys_address(content: bytes) -> str | None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    address = document.get("jwks_uri") if isinstance(document, dict) else None
    return address if isinstance(address, str) else None
