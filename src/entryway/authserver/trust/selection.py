"""Which identity provider a user logs in at, on the page or by a password from a client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.users import ORIGIN
from entryway.oauth.errors import BadCredentials

if TYPE_CHECKING:
    from collections.abc import Collection

    from entryway.authserver.trust.providers import IdentityProvider


@dataclass(frozen=True, slots=True)
class Choice:
    """The provider that was chosen; None when the user has to choose among `offered`."""

    provider: IdentityProvider | None
    offered: Sequence[IdentityProvider] = ()

    @property
    def origin(self) -> str | None:
        return self.provider.origin if self.provider is not None else None

    @property
    def asks_silently(self) -> bool:
        """Whether the provider is asked about users whom nothing may be asked."""
        return self.provider is not None and self.provider.takes_silent_logins


def choose(
    providers: Sequence[IdentityProvider],
    *,
    allowed: Collection[str] | None,
    hinted: str | None,
    login_name: str | None,
) -> Choice:
    """Return where to log in.

    First what the client allows; then the hint, which alone reaches providers that are not offered; then the only one
    on offer, the tenant's default, and the one for the domain of the user's name; otherwise the user chooses.
    """
    usable = [one for one in providers if one.draft.active and (allowed is None or one.origin in allowed)]
    named = next((one for one in usable if one.origin == hinted), None)
    if named is not None:
        return Choice(named)
    offered = [one for one in usable if one.draft.available_for_logon]
    if len(offered) == 1:
        return Choice(offered[0])
    default = next((one for one in offered if one.draft.is_default), None)
    if default is not None:
        return Choice(default)
    responsible = [one for one in offered if _domain(login_name) in one.draft.email_domains]
    if len(responsible) == 1:
        return Choice(responsible[0])
    return Choice(None, offered)


def choose_for_password(
    providers: Sequence[IdentityProvider], *, allowed: Collection[str] | None, hinted: str | None
) -> IdentityProvider:
    """Return who decides on a password that a client brings, or raise BadCredentials.

    The hinted one; the tenant's default for this; the built-in one, unless the client names several; the only one.
    """
    taking = [one for one in providers if one.draft.active and one.takes_passwords]
    if hinted is not None:
        if allowed is not None and hinted not in allowed:
            raise BadCredentials("Client is not authorized for specified user's identity provider.")
        found = next((one for one in taking if one.origin == hinted), None)
        if found is None:
            raise BadCredentials(
                "The origin provided in the login_hint does not match an active Identity Provider, "
                "that supports password grant."
            )
        return found
    usable = [one for one in taking if allowed is None or one.origin in allowed]
    default = next((one for one in usable if one.draft.default_for_noninteractive), None)
    if default is not None:
        return default
    if allowed is None and any(one.origin == ORIGIN for one in usable):
        return next(one for one in usable if one.origin == ORIGIN)
    if len(usable) > 1:
        raise BadCredentials(
            "The client is authorized for multiple identity providers that support password grant "
            "and could not determine which identity provider to use."
        )
    if taking and not usable:
        raise BadCredentials("Client is not authorized for specified user's identity provider.")
    if not usable:
        # The same answer as to a wrong password, so that it tells nothing of the tenant's settings.
        raise BadCredentials(detail="no identity provider that takes passwords is active and allowed to the client")
    return usable[0]


def _domain(login_name: str | None) -> str:
    return (login_name or "").rpartition("@")[2].lower()
