"""The tables of the authorization server, one file per subject; every one of them belongs to a zone (a tenant)."""

from entryway.authserver.tables.applications import Application, OfApplication, Scope, ScopeGrant
from entryway.authserver.tables.authorizations import Authorization, AuthorizationCodeRow, RefreshTokenRow
from entryway.authserver.tables.brandings import BrandingRow
from entryway.authserver.tables.changes import ENDED, PEOPLE, TENANT, WATCHED, Revision
from entryway.authserver.tables.clients import BindingAuthority, BindingCertificate, BindingSecret, ClientRow
from entryway.authserver.tables.logins import LoginAttempt, LoginSession
from entryway.authserver.tables.metadata import AuthServerTable
from entryway.authserver.tables.roles import (
    Role,
    RoleAssignment,
    RoleCollection,
    RoleCollectionReference,
    RoleMapping,
    RoleTemplate,
    RoleTemplateScope,
)
from entryway.authserver.tables.security_settings import SecuritySettingsRow
from entryway.authserver.tables.signing_keys import SigningKeyRow
from entryway.authserver.tables.token_policies import TokenPolicyRow
from entryway.authserver.tables.tokens import OpaqueTokenRow, Passcode, RevokedToken, SeenAssertion
from entryway.authserver.tables.trust import (
    IdentityProviderRow,
    ProviderRequest,
    ProviderSession,
    SamlKeyRow,
    UserAttributes,
)
from entryway.authserver.tables.users import LoginFailure, User
from entryway.authserver.tables.zones import Subscription, TenantDomain, Zone

__all__ = [
    "ENDED",
    "PEOPLE",
    "TENANT",
    "WATCHED",
    "Application",
    "AuthServerTable",
    "Authorization",
    "AuthorizationCodeRow",
    "BindingAuthority",
    "BindingCertificate",
    "BindingSecret",
    "BrandingRow",
    "ClientRow",
    "IdentityProviderRow",
    "LoginAttempt",
    "LoginFailure",
    "LoginSession",
    "OfApplication",
    "OpaqueTokenRow",
    "Passcode",
    "ProviderRequest",
    "ProviderSession",
    "RefreshTokenRow",
    "Revision",
    "RevokedToken",
    "Role",
    "RoleAssignment",
    "RoleCollection",
    "RoleCollectionReference",
    "RoleMapping",
    "RoleTemplate",
    "RoleTemplateScope",
    "SamlKeyRow",
    "Scope",
    "ScopeGrant",
    "SecuritySettingsRow",
    "SeenAssertion",
    "SigningKeyRow",
    "Subscription",
    "TenantDomain",
    "TokenPolicyRow",
    "User",
    "UserAttributes",
    "Zone",
]
