"""Who logs users in: one of the bound services, each with its own words for the same steps.

`Authority` is the interface; `XsuaaAuthority` and `IasAuthority` are the two kinds. What they share (state, PKCE,
cookies, sessions) is `SignIn`'s and `SignOut`'s.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import quote

from entryway.config.xs_app_model import LoginKind
from entryway.http import Request
from entryway.router.address import Address
from entryway.router.errors import LoginUnavailable
from entryway.router.login import Attempt, LoginKeys
from entryway.router.sessions import Login
from entryway.router.tenants import Tenants

IAS: Final = "ias"
XSUAA: Final = "xsuaa"
KIND_PARAMETER = "authType"
MOST_TENANTS = 1000


@dataclass(frozen=True, slots=True)
class Return:
    """A browser that came back from a login, with a code to redeem."""

    code: str = field(repr=False)
    redirect_uri: str
    verifier: str | None = field(repr=False)
    notice: str = field(repr=False)
    """A query that tells the authority where to announce the end of its own session; empty for nowhere."""
    correlation_id: str


class Authority(Protocol):
    """One bound service that logs users in."""

    @property
    def kind(self) -> str:
        """`xsuaa` or `ias`."""

    @property
    def keys(self) -> LoginKeys:
        """Keys of what goes through the browser on the way to this authority and back."""

    def authorize_url(
        self, redirect_uri: str, identity_provider: str | None, attempt: Attempt | None, *, pkce: bool
    ) -> str:
        """Return where the browser asks for a code."""

    async def redeem(self, returned: Return) -> Login:
        """Return the user for a code."""

    async def refresh(self, login: Login) -> Login:
        """Return the same user with a fresh token."""

    def logout_url(self, page: str | None, login: Login | None) -> str:
        """Return where the browser ends its session at the authority, and then goes on to a page."""

    async def attributes(self, login: Login) -> Mapping[str, Any]:
        """Return what else is known of the user."""

    def at_tenant(self, tenant: str | None) -> Authority:
        """Return the authority for users of another tenant, given by its subdomain; None stands for no tenant."""


@dataclass(frozen=True, slots=True)
class AtTenant(Mapping[str, Authority]):
    """The authorities of one tenant; where one cannot be found out, only who asks for that one fails."""

    by_kind: Mapping[str, Authority]
    tenant: str | None

    def __getitem__(self, kind: str) -> Authority:
        return self.by_kind[kind].at_tenant(self.tenant)

    def __contains__(self, kind: object) -> bool:
        return kind in self.by_kind

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_kind)

    def __len__(self) -> int:
        return len(self.by_kind)


@dataclass(frozen=True, slots=True)
class Authorities:
    """The authorities of one application, by kind."""

    by_kind: Mapping[str, Authority]
    tenants: Tenants | None = None
    of_tenants: OrderedDict[str | None, Authorities] = field(default_factory=OrderedDict)

    def at(self, request: Request) -> Authorities:
        """Return the authorities of the tenant whose host is asked."""
        return self if self.tenants is None else self._of_tenant(self.tenants.of(request))

    def _of_tenant(self, tenant: str | None) -> Authorities:
        kept = self.of_tenants.get(tenant)
        if kept is None:
            if self.tenants is not None and self.tenants.directory is not None:
                # The directory keeps what it knows, and may learn better.
                return Authorities(AtTenant(self.by_kind, tenant))
            own = {kind: authority.at_tenant(tenant) for kind, authority in self.by_kind.items()}
            kept = self.of_tenants[tenant] = Authorities(own)
            if len(self.of_tenants) > MOST_TENANTS:
                self.of_tenants.popitem(last=False)
        return kept

    @property
    def default_kind(self) -> LoginKind:
        """The kind for routes that name none."""
        return IAS if IAS in self.by_kind else XSUAA

    def of_route(self, kind: str) -> Authority:
        """Return the authority for a route of this authentication type, or raise LoginUnavailable."""
        authority = self.by_kind.get(kind)
        if authority is None:
            raise LoginUnavailable(f"no service of the kind {kind} is bound")
        return authority

    def of_callback(self, kind: str | None) -> Authority:
        """Return the authority that a browser says to come back from; the keys of its state prove it."""
        return self.of_route(kind if kind is not None and kind in self.by_kind else self.default_kind)

    def of_login(self, login: Login | None) -> Authority | None:
        """Return the authority that a user came from; for nobody in particular, the first of them."""
        if login is not None:
            at_home = self if self.tenants is None else self._of_tenant(self.tenants.of_login(login))
            return at_home.by_kind.get(login.authority)
        return self.by_kind.get(XSUAA) or self.by_kind.get(IAS)

    def callback_suffix(self, authority: Authority) -> str:
        """Return what the callback's address needs at its end, to tell two authorities apart."""
        return f"?{KIND_PARAMETER}={authority.kind}" if len(self.by_kind) > 1 else ""


def notice_of(cookies: str, address: Address, endpoint: str) -> str:
    """Return the query, read unencoded, that asks an authority to announce logouts at our endpoint with cookies."""
    uri = f"https://{quote(address.host, safe=':[]')}{quote(address.prefix, safe='/')}{endpoint}"
    return f"?s3bcl_header_name=cookie&s3bcl_header_value={cookies}&s3bcl_logout_uri={uri}"
