"""The table of grants: adding one is a file and a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from entryway.authserver.grants.authorization_code import AuthorizationCode
from entryway.authserver.grants.client_credentials import ClientCredentials
from entryway.authserver.grants.grant import Grant
from entryway.authserver.grants.jwt_bearer import JwtBearer
from entryway.authserver.grants.password import Password
from entryway.authserver.grants.refresh_token import RefreshToken

if TYPE_CHECKING:
    from entryway.authserver.authorizations import Authorizations
    from entryway.authserver.issuer import Issuer
    from entryway.authserver.moments import Clock
    from entryway.authserver.users import Users

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEFAULT_GRANT_TYPES = ("authorization_code", "client_credentials", "refresh_token", "password", JWT_BEARER)

GrantTable = Mapping[str, Grant]


def make_grants(issuer: Issuer, users: Users, authorizations: Authorizations, clock: Clock) -> GrantTable:
    """Return every grant by the value of `grant_type`."""
    return {
        "authorization_code": AuthorizationCode(authorizations, users),
        "client_credentials": ClientCredentials(),
        "refresh_token": RefreshToken(authorizations, users, issuer),
        "password": Password(users, clock),
        JWT_BEARER: JwtBearer(issuer),
    }
