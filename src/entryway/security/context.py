"""What a believed token says of the user and the client, under the names that applications are written against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from entryway.security.claims import texts
from entryway.security.credentials import ServiceCredentials
from entryway.security.jws import claims_of
from entryway.security.token_client import scope_names, shared_token_client

CLIENT_CREDENTIALS = "client_credentials"
XSAPPNAME = "$XSAPPNAME."
SYSTEM = "System"
HDB = "HDB"
JOB_SCHEDULER = "JobScheduler"


@dataclass(frozen=True, slots=True)
class SecurityContext:
    """A token that was verified and is meant for us; made by `TokenValidator` alone.

    Most questions are about scopes. The other claims are read again when they are asked for first: to keep them all,
    for each token that is remembered, would cost more than that, and four times the memory.
    """

    token: str = field(repr=False)
    credentials: ServiceCredentials = field(repr=False)
    scopes: frozenset[str]
    _claims: Mapping[str, Any] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def claims(self) -> Mapping[str, Any]:
        """What the token says."""
        claims = self._claims
        if claims is None:
            claims = claims_of(self.token)
            object.__setattr__(self, "_claims", claims)
        return claims

    def check_scope(self, scope: str) -> bool:
        """Return whether the token has this scope; `$XSAPPNAME.` at its start means our own application."""
        if scope.startswith(XSAPPNAME):
            return self.check_local_scope(scope.removeprefix(XSAPPNAME))
        return bool(scope) and scope in self.scopes

    def check_local_scope(self, scope: str) -> bool:
        """Return whether the token has this scope of our own application."""
        return bool(scope) and f"{self.credentials.xsappname}.{scope}" in self.scopes

    def local_scopes(self) -> frozenset[str]:
        """Return the scopes of our own application, without its name."""
        prefix = f"{self.credentials.xsappname}."
        return frozenset(scope.removeprefix(prefix) for scope in self.scopes if scope.startswith(prefix))

    def get_app_token(self) -> str:
        """Return the token itself, to be sent on or exchanged."""
        return self.token

    def get_token(self, namespace: str, name: str) -> str | None:
        """Return what to send to a service of the platform: the assertion inside, or the token itself."""
        if namespace != SYSTEM:
            return None
        if name == HDB:
            inside = _text(self._container(), "hdb.nameduser.saml") if self._names_user() else None
            return inside or self.token
        return self.token if name == JOB_SCHEDULER else None

    def get_hdb_token(self) -> str | None:
        return self.get_token(SYSTEM, HDB)

    def get_logon_name(self) -> str | None:
        return _text(self.claims, "user_name") if self._names_user() else None

    def get_given_name(self) -> str | None:
        return self._name("given_name")

    def get_family_name(self) -> str | None:
        return self._name("family_name")

    def get_email(self) -> str | None:
        return _text(self.claims, "email") if self._names_user() else None

    def get_user_id(self) -> str | None:
        return _text(self.claims, "user_id") if self._names_user() else None

    def get_origin(self) -> str | None:
        return _text(self.claims, "origin")

    def get_grant_type(self) -> str | None:
        return _text(self.claims, "grant_type")

    def get_clientid(self) -> str:
        return str(self.claims["cid"])

    def get_zone_id(self) -> str:
        return str(self.claims["zid"])

    def get_identity_zone(self) -> str:
        return self.get_zone_id()

    def get_subaccount_id(self) -> str:
        return _text(self._ext_attr(), "subaccountid") or self.get_zone_id()

    def get_subdomain(self) -> str | None:
        return _text(self._ext_attr(), "zdn")

    def get_clone_service_instance_id(self) -> str | None:
        return _text(self._ext_attr(), "serviceinstanceid")

    def get_expiration_date(self) -> datetime:
        return datetime.fromtimestamp(float(self.claims["exp"]), UTC)

    def get_audience(self) -> list[str]:
        return list(texts(self.claims, "aud"))

    def is_in_foreign_mode(self) -> bool:
        """Return whether another client than our own obtained the token."""
        cid, own = self.get_clientid(), self.credentials
        trusted = bool(own.trustedclientidsuffix) and cid.endswith(own.trustedclientidsuffix)
        return cid != own.clientid and not trusted

    def has_attributes(self) -> bool | None:
        return bool(self._user_attributes()) if self._names_user() else None

    def get_attribute(self, name: str) -> list[str] | None:
        """Return the values of a user attribute exactly as the token has them."""
        return self._user_attributes().get(name) if self._names_user() else None

    def get_additional_auth_attribute(self, name: str) -> str | None:
        return _mapping(self.claims, "az_attr").get(name)

    def request_token_for_client(self, service_credentials: Mapping[str, Any], scopes: str = "") -> str:
        """Return a token of the same user for the service whose credentials these are."""
        client = shared_token_client(service_credentials)
        return client.exchange(self.token, scopes=scope_names(scopes)).access_token

    async def request_token_for_client_async(self, service_credentials: Mapping[str, Any], scopes: str = "") -> str:
        """Return a token of the same user for the service whose credentials these are."""
        client = shared_token_client(service_credentials)
        return (await client.exchange_async(self.token, scopes=scope_names(scopes))).access_token

    def _names_user(self) -> bool:
        return self.get_grant_type() != CLIENT_CREDENTIALS

    def _name(self, claim: str) -> str | None:
        if not self._names_user():
            return None
        return _text(self._ext_attr(), claim) or _text(self.claims, claim)

    def _ext_attr(self) -> Mapping[str, Any]:
        return _mapping(self.claims, "ext_attr")

    def _container(self) -> Mapping[str, Any]:
        return _mapping(self.claims, "ext_cxt") if "ext_cxt" in self.claims else self.claims

    def _user_attributes(self) -> Mapping[str, Any]:
        return _mapping(self._container(), "xs.user.attributes")


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) else None


def _mapping(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = claims.get(name)
    return value if isinstance(value, dict) else {}
