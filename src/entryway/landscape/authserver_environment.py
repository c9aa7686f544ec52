"""What the environment tells the control plane: certificates of clients, limits, and how pages look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from entryway.errors import ConfigurationError
from entryway.http.address_limit import address_limit
from entryway.http.limits import Limits
from entryway.landscape.serve import LIMITS
from entryway.web.pages import read_branding

URL = "ENTRYWAY_CERTIFICATE_URL"
PROXIES = "ENTRYWAY_CERTIFICATE_PROXIES"
HEADER = "ENTRYWAY_CERTIFICATE_HEADER"
AUTHORITIES = "ENTRYWAY_CERTIFICATE_AUTHORITIES"
TOKEN_RATE = "ENTRYWAY_TOKEN_RATE"  # noqa: S105 - the name of a variable
AUTHORIZATION_RATE = "ENTRYWAY_AUTHORIZATION_RATE"
IDENTITY_PROVIDER_RATE = "ENTRYWAY_IDENTITY_PROVIDER_RATE"
SCIM_RATE = "ENTRYWAY_SCIM_RATE"
CLIENT_FAILURES = "ENTRYWAY_CLIENT_FAILURES"
ADDRESS_FAILURES = "ENTRYWAY_ADDRESS_FAILURES"
ADDRESS_MAILS = "ENTRYWAY_ADDRESS_MAILS"
TENANT_URL = "ENTRYWAY_TENANT_URL"
IDENTITY_PROVIDER_URL = "ENTRYWAY_IDENTITY_PROVIDER_URL"
BRANDING = "ENTRYWAY_BRANDING"
CONNECTIONS = "ENTRYWAY_CONNECTIONS"
PER_ADDRESS = "ENTRYWAY_CONNECTIONS_PER_ADDRESS"
AUDIT_DAYS = "ENTRYWAY_AUDIT_DAYS"
_ORIGIN = re.compile(r"https://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?")
_LIMITS = {
    TOKEN_RATE: "token_requests_per_second",
    AUTHORIZATION_RATE: "authorization_requests_per_second",
    IDENTITY_PROVIDER_RATE: "identity_provider_requests_per_second",
    SCIM_RATE: "scim_requests_per_second",
    CLIENT_FAILURES: "client_failures",
    ADDRESS_FAILURES: "address_failures",
}


def limit_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the limits that the environment gives; those it lacks keep their defaults."""
    return _numbers(environ, _LIMITS)


def address_limits(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what the environment says of one address that comes to the identity provider."""
    return _numbers(environ, {ADDRESS_FAILURES: "address_failures", ADDRESS_MAILS: "address_mails"})


def certificate_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that the environment gives; those it lacks keep their defaults."""
    given: dict[str, Any] = {}
    if url := environ.get(URL):
        given["certificate_url"] = url
    given |= proxy_settings(environ)
    if authorities := environ.get(AUTHORITIES):
        try:
            given["certificate_authorities"] = Path(authorities).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{AUTHORITIES}: {authorities} cannot be read: {error.strerror}") from error
    return given


def proxy_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return whose word counts about certificates, for the authorization server and the identity provider alike."""
    given: dict[str, Any] = {}
    if proxies := environ.get(PROXIES):
        given["certificate_proxies"] = tuple(part.strip() for part in proxies.split(",") if part.strip())
    if header := environ.get(HEADER):
        given["certificate_header"] = header.lower()
    return given


def tenant_url(environ: Mapping[str, str], public_url: str) -> str:
    """Return a tenant's own address: at a path, unless the environment has names that resolve."""
    return environ.get(TENANT_URL) or f"{public_url}/t/{{subdomain}}"


def branding_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return how the pages look, for the authorization server and the identity provider alike."""
    return {"branding": read_branding(Path(environ[BRANDING]))} if environ.get(BRANDING) else {}


def identity_provider_url(environ: Mapping[str, str], usual: str) -> str:
    """Return how everybody reaches the identity provider: the issuer of its tokens."""
    url = environ.get(IDENTITY_PROVIDER_URL) or usual
    if not _ORIGIN.fullmatch(url):
        rule = "https://<host> or https://<host>:<port>, in small letters"
        raise ConfigurationError(f"{IDENTITY_PROVIDER_URL} must be {rule}, not {url!r}")
    return url


def listener_limits(environ: Mapping[str, str]) -> Limits:
    """Return what a port of the control plane, and that of the identity provider, takes from its clients."""
    places = _number(environ, CONNECTIONS) or LIMITS.connections or 1
    return replace(LIMITS, connections=places, per_address=address_limit(places, _number(environ, PER_ADDRESS), ()))


def audit_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return how long entries of the audit trail are kept, for the authorization server and the identity provider."""
    days = _number(environ, AUDIT_DAYS)
    return {"audit_kept_for": timedelta(days=days)} if days else {}


def _numbers(environ: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    numbers = {name: _number(environ, variable) for variable, name in names.items()}
    return {name: value for name, value in numbers.items() if value is not None}


def _number(environ: Mapping[str, str], variable: str) -> int | None:
    value = environ.get(variable)
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 8):
        raise ConfigurationError(f"{variable} must be a whole number, not {value!r}")
    return int(value)
