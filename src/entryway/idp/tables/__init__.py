"""The tables of the identity provider, one file for each subject."""

from entryway.idp.tables.applications import Application, ApplicationCertificate, ApplicationSecret
from entryway.idp.tables.corporate import (
    CorporateProvider,
    ProviderLink,
    ProviderRequest,
    ProviderSession,
    SeenAssertion,
)
from entryway.idp.tables.factors import Passkey, RecoveryCode, Totp
from entryway.idp.tables.logins import LoginAttempt, LoginSession, Logout, SessionApplication, SessionServiceProvider
from entryway.idp.tables.people import EarlierPassword, Failure, Group, Membership, User
from entryway.idp.tables.table import IdpTable
from entryway.idp.tables.tenant import OneTimeToken, SamlKeyRow, Setting, SigningKeyRow
from entryway.idp.tables.tokens import Authorization, Code, RefreshToken

__all__ = [
    "Application",
    "ApplicationCertificate",
    "ApplicationSecret",
    "Authorization",
    "Code",
    "CorporateProvider",
    "EarlierPassword",
    "Failure",
    "Group",
    "IdpTable",
    "LoginAttempt",
    "LoginSession",
    "Logout",
    "Membership",
    "OneTimeToken",
    "Passkey",
    "ProviderLink",
    "ProviderRequest",
    "ProviderSession",
    "RecoveryCode",
    "RefreshToken",
    "SamlKeyRow",
    "SeenAssertion",
    "SessionApplication",
    "SessionServiceProvider",
    "Setting",
    "SigningKeyRow",
    "Totp",
    "User",
]
