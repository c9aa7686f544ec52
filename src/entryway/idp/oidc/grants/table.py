"""Which grants there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from entryway.idp.oidc.grants.authorization_code import AuthorizationCode
from entryway.idp.oidc.grants.client_credentials import ClientCredentials
from entryway.idp.oidc.grants.grant import Grant
from entryway.idp.oidc.grants.jwt_bearer import JwtBearer
from entryway.idp.oidc.grants.password import Password
from entryway.idp.oidc.grants.refresh_token import RefreshToken

if TYPE_CHECKING:
    from entryway.idp.corporate.whereabouts import Whereabouts
    from entryway.idp.factors.second_factors import SecondFactors
    from entryway.idp.login.requirements import Requirements
    from entryway.idp.oidc.authorizations import Authorizations
    from entryway.idp.oidc.issuer import Issuer
    from entryway.idp.users.authentication import Authentication
    from entryway.storage.moments import Clock
    from entryway.web.tries import Tries

GrantTable: TypeAlias = Mapping[str, Grant]


def make_grants(
    issuer: Issuer,
    authorizations: Authorizations,
    *,
    authentication: Authentication,
    requirements: Requirements,
    second_factors: SecondFactors,
    whereabouts: Whereabouts,
    tries: Tries,
    clock: Clock,
) -> GrantTable:
    """Return the grants by their names on the wire."""
    return {
        "authorization_code": AuthorizationCode(authorizations),
        "refresh_token": RefreshToken(authorizations),
        "client_credentials": ClientCredentials(),
        "urn:ietf:params:oauth:grant-type:jwt-bearer": JwtBearer(issuer),
        "password": Password(authentication, requirements, second_factors, whereabouts, tries, clock),
    }
