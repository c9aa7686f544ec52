"""The table of grants: adding one is a file and a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from entryway.authserver.client_authentication import USER_TOKEN
from entryway.authserver.grants.authorization_code import AuthorizationCode
from entryway.authserver.grants.client_credentials import ClientCredentials
from entryway.authserver.grants.foreign import NobodyTrusted
from entryway.authserver.grants.grant import Grant
from entryway.authserver.grants.jwt_bearer import JwtBearer
from entryway.authserver.grants.password import Password
from entryway.authserver.grants.refresh_token import RefreshToken
from entryway.authserver.grants.saml_bearer import SAML2_BEARER, SamlBearer
from entryway.authserver.grants.token_exchange import TokenExchange
from entryway.authserver.grants.user_token import UserToken

if TYPE_CHECKING:
    from entryway.authserver.authorizations import Authorizations
    from entryway.authserver.clients import Clients
    from entryway.authserver.digests import Digests
    from entryway.authserver.grants.foreign import ForeignAssertions
    from entryway.authserver.moments import Clock
    from entryway.authserver.own_tokens import OwnTokens
    from entryway.authserver.passcodes import Passcodes
    from entryway.authserver.signed_refresh_tokens import SignedRefreshTokens
    from entryway.authserver.trust.provider_passwords import ProviderPasswords
    from entryway.authserver.trust.providers import IdentityProviders
    from entryway.authserver.users import Users
    from entryway.web.tries import Tries

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant
DEFAULT_GRANT_TYPES = (
    "authorization_code",
    "client_credentials",
    "refresh_token",
    "password",
    USER_TOKEN,
    JWT_BEARER,
    SAML2_BEARER,
)
# Another spelling of a grant needs no permission of its own.
SAME_PERMISSION = {TOKEN_EXCHANGE: JWT_BEARER, "client_x509": "client_credentials"}

GrantTable = Mapping[str, Grant]
_NOBODY = NobodyTrusted()


def make_grants(
    *,
    own_tokens: OwnTokens,
    clients: Clients,
    users: Users,
    authorizations: Authorizations,
    signed: SignedRefreshTokens,
    passcodes: Passcodes,
    providers: IdentityProviders,
    passwords_elsewhere: ProviderPasswords,
    tries: Tries,
    digests: Digests,
    clock: Clock,
    tokens_of_others: ForeignAssertions = _NOBODY,
    saml_assertions: ForeignAssertions = _NOBODY,
) -> GrantTable:
    """Return every grant by the value of `grant_type`."""
    jwt_bearer = JwtBearer(own_tokens, tokens_of_others)
    return {
        "authorization_code": AuthorizationCode(authorizations, users),
        "client_credentials": ClientCredentials(),
        "client_x509": ClientCredentials(),
        "refresh_token": RefreshToken(authorizations, signed, users, digests),
        "password": Password(users, passcodes, providers, passwords_elsewhere, tries, clock),
        JWT_BEARER: jwt_bearer,
        TOKEN_EXCHANGE: TokenExchange(jwt_bearer),
        USER_TOKEN: UserToken(own_tokens, clients),
        SAML2_BEARER: SamlBearer(saml_assertions),
    }
