"""Who asks the destination service: an instance of it, for itself or for a user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from entryway.destinations.store import Level
from entryway.errors import Forbidden
from entryway.security import SecurityContext

_CLONE = re.compile(r"sb-clone-?(?P<instance>[0-9A-Za-z-]+)![a-z]\d+\|")


@dataclass(frozen=True, slots=True)
class Caller:
    """The instance that a token was issued to; `user_token` is set if the token names a user."""

    zid: str
    instance_id: str
    subdomain: str
    subaccount_id: str
    # Whose instance it is: another tenant where the caller's has subscribed to an application.
    provider_zid: str
    user_token: str | None

    @property
    def subaccount(self) -> Level:
        return Level(self.zid)

    @property
    def instance(self) -> Level:
        if not self.instance_id:
            raise Forbidden("the caller's client belongs to no service instance")
        return Level(self.zid, self.instance_id)

    def level(self, name: str) -> Level | None:
        """Return the level that a request calls so; None for a name that is none."""
        match name:
            case "instance":
                return self.instance
            case "subaccount":
                return self.subaccount
            case "provider_instance":
                return Level(self.provider_zid, self.instance.instance_id)
            case "provider_subaccount":
                return Level(self.provider_zid)
            case _:
                return None

    @property
    def levels(self) -> tuple[Level, ...]:
        """Where to look, nearest first."""
        return (self.instance, self.subaccount) if self.instance_id else (self.subaccount,)


def identify(context: SecurityContext, xsappname: str) -> Caller:
    """Return the caller whose token was believed, or raise if its client is none of ours."""
    cid = context.get_clientid()
    # The audience may name us because of a scope; only our own clients hold destinations.
    if cid != f"sb-{xsappname}" and not cid.endswith(f"|{xsappname}"):
        raise Forbidden(f"the client {cid[:200]!r} is no client of the destination service")
    named_by_cid = _CLONE.match(cid)
    instance_id = context.get_clone_service_instance_id() or (named_by_cid["instance"] if named_by_cid else "")
    extension = context.claims.get("ext_attr")
    provider = extension.get("providersubaccountid") if isinstance(extension, dict) else None
    return Caller(
        context.get_zone_id(),
        instance_id,
        context.get_subdomain() or "",
        context.get_subaccount_id(),
        provider if isinstance(provider, str) else context.get_zone_id(),
        context.get_app_token() if names_user(context.claims) else None,
    )


def names_user(claims: Mapping[str, object]) -> bool:
    """Return whether a token was issued for a user, not for a client alone."""
    return claims.get("grant_type") != "client_credentials" and bool(claims.get("user_id") or claims.get("user_name"))
