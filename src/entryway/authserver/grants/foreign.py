"""What grants ask of those who know which other issuers a tenant trusts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from entryway.authserver.authorization import new_authorization
from entryway.oauth.errors import BadCredentials, InvalidGrant, echo

if TYPE_CHECKING:
    from entryway.authserver.authorization import Authorization
    from entryway.authserver.client import Client
    from entryway.authserver.grants.grant import TokenRequest
    from entryway.authserver.users import User
    from entryway.authserver.zones import Zone


class IssuerNotTrusted(BadCredentials):
    """The assertion is of an issuer that is no identity provider of this tenant, or of several."""

    def __init__(self, issuer: str) -> None:
        super().__init__(f"Unable to map issuer, {echo(issuer)} , to a single registered provider")


class UserNotPreCreated(BadCredentials):
    """The provider knows the user, the tenant does not, and does not take users in by itself."""

    title = (
        "There was an error when authenticating against the external identity provider: "
        "The user account must be pre-created. Please contact your system administrator."
    )


@dataclass(frozen=True, slots=True)
class Vouched:
    """A user whom a trusted identity provider vouches for."""

    user: User
    authenticated_at: datetime


def authorization_of(request: TokenRequest, client: Client, vouched: Vouched) -> Authorization:
    """Return what lets the client that asks act for the user; it is not stored yet."""
    return new_authorization(
        zid=request.zone.id,
        client_id=client.id,
        user_id=vouched.user.id,
        grant_type=request.grant_type,
        authenticated_at=vouched.authenticated_at,
        requested_scopes=request.scopes,
        additional=request.additional,
    )


class ForeignAssertions(Protocol):
    """Believes assertions of the identity providers that a tenant trusts, and of nobody else."""

    async def user_of(self, zone: Zone, issuer: str, assertion: str) -> Vouched:
        """Return the user; raise IssuerNotTrusted, or InvalidGrant if the assertion does not hold."""
        ...


@dataclass(frozen=True, slots=True)
class NobodyTrusted:
    """A tenant without other identity providers."""

    async def user_of(self, zone: Zone, issuer: str, assertion: str) -> Vouched:
        """Refuse, whoever it is."""
        del zone, assertion
        if not issuer:
            raise InvalidGrant("The assertion is of no identity provider that this tenant trusts")
        raise IssuerNotTrusted(issuer)
