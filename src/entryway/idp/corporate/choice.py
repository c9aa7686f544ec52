"""Where a user logs in: here, or at a company's provider; decided without touching anything."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from entryway.idp.corporate.settings import ALIAS, OWN, Domain

if TYPE_CHECKING:
    from entryway.web.client_address import Address

LONGEST_HINT = 1000
_LONGEST_NAME = 255


def _alias(text: str) -> str:
    if not ALIAS.fullmatch(text):
        raise ValueError("must be the alias of an identity provider")
    return text


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


Alias = Annotated[str, AfterValidator(_alias)]


class ProviderRule(BaseModel):
    """Whom a provider is for: everything that is named must fit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Alias
    email_domains: Annotated[list[Domain], Field(default_factory=list, max_length=100)]
    groups: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=255)]], Field(default_factory=list, max_length=100)
    ]
    networks: Annotated[list[Annotated[str, AfterValidator(_network)]], Field(default_factory=list, max_length=100)]

    @property
    def needs_name(self) -> bool:
        """Whether somebody must say first who wants to log in."""
        return bool(self.email_domains or self.groups)


class LoginRules(BaseModel):
    """Where users of an application log in: the first rule that fits decides, then the default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: Alias = OWN
    rules: Annotated[list[ProviderRule], Field(default_factory=list, max_length=50)]
    on_request: Annotated[list[Alias], Field(max_length=50)] | None = None
    """Which providers the application, or the user on our login page, may ask for.

    Where nothing is said: all that are active if there is no rule and no other default, else none, for whoever sends
    the browser must not get round the rules.
    """

    def requestable(self, active: Collection[str]) -> Collection[str]:
        """Return what may be asked for."""
        everything = {*active, OWN}
        if self.on_request is not None:
            return everything & set(self.on_request)
        return everything if self.default == OWN and not self.rules else set()


# Our own pages open for whoever can log in at all.
OF_OUR_PAGES = LoginRules.model_validate({})


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of who wants to log in."""

    name: str | None
    groups: Collection[str] = ()
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to log in; None when a name is needed to tell. `others` will do as well."""

    alias: str | None
    others: Collection[str] = ()

    def fits(self, alias: str) -> bool:
        """Say whether a login there is good enough."""
        return alias == self.alias or alias in self.others


def choose(rules: LoginRules, hints: Sequence[str], active: Collection[str], seen: Seen) -> Choice:
    """Return where a user logs in: what is asked for, if it may be; the first rule that fits; the default."""
    on_request = rules.requestable(active)
    if hints and hints[0] in on_request:
        return Choice(hints[0])
    for rule in rules.rules:
        if rule.networks and not _within(seen.address, rule.networks):
            continue
        if rule.needs_name and seen.name is None:
            return Choice(None)
        if rule.email_domains and _domain(seen.name) not in rule.email_domains:
            continue
        if rule.groups and set(rule.groups).isdisjoint(seen.groups):
            continue
        return Choice(rule.provider)
    return Choice(rules.default, on_request if rules.default == OWN else ())


def provider_hints(idp: str | None) -> tuple[str, ...]:
    """Return the providers that `idp` names; who passes a login on reads the first and hands on the rest."""
    return tuple(one for one in (idp or "")[:LONGEST_HINT].split(",") if ALIAS.fullmatch(one))


def login_hint(text: str | None) -> str | None:
    """Return the user's name in a `login_hint`; JSON there is for others, and says nothing here."""
    if not text or len(text) > _LONGEST_NAME or not text.isprintable() or text.startswith("{"):
        return None
    return text


def _domain(name: str | None) -> str:
    return (name or "").rpartition("@")[2].lower()


def _within(address: Address | None, networks: Sequence[str]) -> bool:
    return address is not None and any(address in ipaddress.ip_network(network) for network in networks)
