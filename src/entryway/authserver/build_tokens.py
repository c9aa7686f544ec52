"""Puts together who may have tokens, and of which kinds: build's part for clients and grants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from entryway.authserver.authorizations import Authorizations
from entryway.authserver.bearer import Bearer
from entryway.authserver.build_foundation import Foundation
from entryway.authserver.build_trust import Trust
from entryway.authserver.client_authentication import ClientAuthentication
from entryway.authserver.client_certificates import ClientCertificates
from entryway.authserver.client_keys import ClientKeys
from entryway.authserver.client_lockout import ClientLockout
from entryway.authserver.ended import Ended
from entryway.authserver.granting import Granting
from entryway.authserver.grants import make_grants
from entryway.authserver.grants.grant import Grant
from entryway.authserver.issuer import Issuer
from entryway.authserver.login_failures import LoginFailures
from entryway.authserver.own_tokens import OwnTokens
from entryway.authserver.passcodes import Passcodes
from entryway.authserver.sealed_refresh_tokens import SealedRefreshTokens
from entryway.authserver.signed_refresh_tokens import SignedRefreshTokens
from entryway.authserver.stored_tokens import StoredTokens
from entryway.authserver.trust.bearer_assertions import BearerAssertions
from entryway.authserver.trust.foreign_tokens import ForeignTokens
from entryway.authserver.trust.provider_passwords import ProviderPasswords
from entryway.oauth.signatures import Signatures
from entryway.web.tries import FORGIVEN_EVERY, OF_A_CLIENT, Tries


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the endpoints need of it."""

    authorizations: Authorizations
    stored: StoredTokens
    passcodes: Passcodes
    own: OwnTokens
    signed: SignedRefreshTokens
    granting: Granting
    grants: Mapping[str, Grant]
    bearer: Bearer
    authentication: ClientAuthentication


def tokens_of(base: Foundation, trust: Trust) -> Tokens:
    """Make every grant, and what judges clients and tokens."""
    settings, database, digests, clock = base.settings, base.database, base.digests, base.clock
    ended = Ended(database, clock, base.changes)
    authorizations = Authorizations(database, digests, SealedRefreshTokens(base.sealer), ended, clock)
    stored, passcodes = StoredTokens(database, digests, clock), Passcodes(database, base.users, digests, clock)
    own = OwnTokens(base.keys, base.clients, base.users, stored, ended, digests, clock)
    signed = SignedRefreshTokens(base.keys, clock)
    issuer = Issuer(base.keys, authorizations, stored, signed, digests, clock, Signatures())
    grants = make_grants(
        own_tokens=own,
        clients=base.clients,
        users=base.users,
        authorizations=authorizations,
        signed=signed,
        passcodes=passcodes,
        providers=trust.providers,
        passwords_elsewhere=ProviderPasswords(
            trust.oidc, trust.shadow_users, LoginFailures(database, clock), database, digests, base.audit, clock
        ),
        tries=Tries(settings.address_failures * OF_A_CLIENT, clock, FORGIVEN_EVERY / OF_A_CLIENT),
        digests=digests,
        clock=clock,
        saml_assertions=BearerAssertions(trust.partners, base.seen, trust.shadow_users, clock),
        tokens_of_others=ForeignTokens(trust.providers, trust.oidc, trust.shadow_users, clock),
    )
    authentication = ClientAuthentication(
        base.clients,
        own,
        ClientCertificates(settings.certificate_header, settings.certificate_networks, settings.trusted_authorities),
        ClientKeys(base.published_keys),
        base.seen,
        ClientLockout(database, digests, clock, settings.client_failures),
        clock,
    )
    return Tokens(
        authorizations=authorizations,
        stored=stored,
        passcodes=passcodes,
        own=own,
        signed=signed,
        granting=Granting(issuer, base.roles),
        grants=grants,
        bearer=Bearer(settings, base.zones, own),
        authentication=authentication,
    )
