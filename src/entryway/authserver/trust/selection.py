"""Which identity provider a user logs in at: by what the client allows and hints, and what the tenant offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from entryway.authserver.trust.providers import IdentityProvider


@dataclass(frozen=True, slots=True)
class Choice:
    """The origin that was chosen; None when the user has to choose among `offered`."""

    origin: str | None
    offered: Sequence[IdentityProvider] = ()


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
    if any(one.origin == hinted for one in usable):
        return Choice(hinted)
    offered = [one for one in usable if one.draft.available_for_logon]
    if len(offered) == 1:
        return Choice(offered[0].origin)
    default = next((one for one in offered if one.draft.is_default), None)
    if default is not None:
        return Choice(default.origin)
    responsible = [one for one in offered if _domain(login_name) in one.draft.email_domains]
    if len(responsible) == 1:
        return Choice(responsible[0].origin)
    return Choice(None, offered)


def _domain(login_name: str | None) -> str:
    return (login_name or "").rpartition("@")[2].lower()
