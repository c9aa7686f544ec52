"""The context of a token of the authorization server, as applications know it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self

from entryway.security.context import SecurityContext
from entryway.security.credentials import ServiceCredentials, parse_credentials
from entryway.security.validator import TokenValidator, shared_validator
from entryway.security.xssec.constants import GRANTTYPE_CLIENTCREDENTIAL, HDB, JOBSCHEDULER, SYSTEM, XSAPPNAMEPREFIX
from entryway.security.xssec.refusals import check_given, exceptions_of_applications

BY_SECRET = ("clientid", "clientsecret", "url")
BY_CERTIFICATE = ("clientid", "certificate", "certurl")


class SecurityContextXSUAA:
    """A token that was verified, and is meant for this application."""

    def __init__(self, token: str, config: Mapping[str, Any]) -> None:
        validator = _validator(token, config)
        with exceptions_of_applications():
            self._learn(validator.validate(token))

    @classmethod
    async def create_async(cls, token: str, config: Mapping[str, Any]) -> Self:
        """Return the context of a token, without blocking the event loop while keys are fetched."""
        validator = _validator(token, config)
        self = cls.__new__(cls)
        with exceptions_of_applications():
            self._learn(await validator.validate_async(token))
        return self

    def get_identity_zone(self) -> str:
        warnings.warn("Use the get_zone_id method instead", DeprecationWarning, stacklevel=2)
        return self.get_zone_id()

    def get_zone_id(self) -> str:
        return self._context.get_zone_id()

    def get_subaccount_id(self) -> Any:
        return self._ext_attr.get("subaccountid") or self.get_zone_id()

    def get_subdomain(self) -> Any:
        return self._ext_attr.get("zdn")

    def get_clientid(self) -> str:
        return self._context.get_clientid()

    def get_expiration_date(self) -> datetime:
        """Return the end of the token in UTC; the value does not say that it is, because applications compare it so."""
        return self._context.get_expiration_date().astimezone(UTC).replace(tzinfo=None)

    def get_logon_name(self) -> Any:
        return self._of_user("user_name")

    def get_given_name(self) -> Any:
        return self._name("given_name")

    def get_family_name(self) -> Any:
        return self._name("family_name")

    def get_email(self) -> Any:
        return self._of_user("email")

    def get_token(self, namespace: str, name: str) -> str | None:
        """Return what to send to a service of the platform: the assertion inside, or the token itself."""
        check_given(namespace, "namespace")
        check_given(name, "name")
        if namespace != SYSTEM or name not in {JOBSCHEDULER, HDB}:
            return None
        assertion = None
        if name == HDB and self._names_user:
            assertion = self._container.get("hdb.nameduser.saml")
        return assertion or self._context.token

    def get_hdb_token(self) -> str | None:
        return self.get_token(SYSTEM, HDB)

    def get_app_token(self) -> str:
        return self._context.token

    def check_scope(self, scope: str) -> bool:
        """Return whether the token has this scope; `$XSAPPNAME.` at its start means this application."""
        check_given(scope, "scope")
        if scope.startswith(XSAPPNAMEPREFIX):
            scope = scope.replace(XSAPPNAMEPREFIX, f"{self._context.credentials.xsappname}.")
        return scope in self._context.scopes

    def check_local_scope(self, scope: str) -> bool:
        """Return whether the token has this scope of this application."""
        check_given(scope, "scope")
        return f"{self._context.credentials.xsappname}.{scope}" in self._context.scopes

    def get_grant_type(self) -> Any:
        return self._context.claims.get("grant_type")

    def get_origin(self) -> Any:
        return self._context.claims.get("origin")

    def get_audience(self) -> Any:
        return self._context.claims.get("aud") or []

    def get_clone_service_instance_id(self) -> Any:
        return self._ext_attr.get("serviceinstanceid")

    def is_in_foreign_mode(self) -> bool:
        """Return False: tokens of others are refused by their audience, before anybody can ask this."""
        return False

    def has_attributes(self) -> bool | None:
        return bool(self._attributes) if self._names_user else None

    def get_attribute(self, name: str) -> Any:
        """Return the values of a user attribute exactly as the token has them."""
        check_given(name, "name")
        return self._attributes.get(name) if self._names_user else None

    def get_additional_auth_attribute(self, name: str) -> Any:
        check_given(name, "name")
        return _object(self._context.claims, "az_attr").get(name)

    def request_token_for_client(self, service_credentials: Mapping[str, Any], scopes: str | None = "") -> str:
        """Return a token of the same user for the service whose credentials these are."""
        _check_config(service_credentials, "service_credentials")
        with exceptions_of_applications():
            return self._context.request_token_for_client(service_credentials, scopes or "")

    async def request_token_for_client_async(
        self, service_credentials: Mapping[str, Any], scopes: str | None = ""
    ) -> str:
        """Return a token of the same user for the service whose credentials these are."""
        _check_config(service_credentials, "service_credentials")
        with exceptions_of_applications():
            return await self._context.request_token_for_client_async(service_credentials, scopes or "")

    def _learn(self, context: SecurityContext) -> None:
        claims = context.claims
        self._context = context
        self._names_user = claims.get("grant_type") != GRANTTYPE_CLIENTCREDENTIAL
        self._ext_attr = _object(claims, "ext_attr")
        self._container = _object(claims, "ext_cxt") if "ext_cxt" in claims else claims
        self._attributes = _object(self._container, "xs.user.attributes")

    def _of_user(self, claim: str) -> Any:
        return self._context.claims.get(claim) if self._names_user else None

    def _name(self, claim: str) -> Any:
        if self._names_user and claim in self._ext_attr:
            return self._ext_attr[claim]
        return self._of_user(claim)


def _validator(token: str, config: Mapping[str, Any]) -> TokenValidator:
    check_given(token, "token")
    _check_config(config, "config")
    with exceptions_of_applications():
        return shared_validator(_credentials(config))


def _credentials(config: Mapping[str, Any]) -> ServiceCredentials:
    named, legacy = config.get("xsappname"), os.environ.get("XSAPPNAME")
    if named is None and legacy is None:
        raise ValueError("Invalid config: Missing xsappname.")
    if named is not None and legacy is not None and named != legacy:
        raise ValueError("Invalid config: Ambiguous xsappname.")
    # Applications of this interface let the audience alone decide, also about tokens of other tenants.
    return replace(parse_credentials({**config, "xsappname": named or legacy}), tenantmode="shared")


def _check_config(config: Mapping[str, Any], name: str) -> None:
    check_given(config, name)
    if not any(all(config.get(key) for key in keys) for keys in (BY_SECRET, BY_CERTIFICATE)):
        raise ValueError(f"Either {','.join(BY_SECRET)} or {','.join(BY_CERTIFICATE)} should be provided")


def _object(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = claims.get(name)
    return value if isinstance(value, dict) else {}
