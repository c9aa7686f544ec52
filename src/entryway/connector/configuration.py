"""The connector's one file: YAML (or JSON, which is YAML), mode 0600, because it holds keys.

```yaml
gateway: {host: localhost, port: 8444, trust: <PEM>}           # written by pairing
identity: {connector_id, zid, location_id, certificate, private_key}   # written by pairing, and by each renewal
pairing: {url: https://localhost:8443, trust: <PEM>}           # written by pairing: where certificates are renewed
system_certificate: {certificate, private_key}                 # what the connector proves itself with to systems
principal_ca: {certificate, private_key}                       # signs the users' short-lived certificates
backend_trust: [<PEM or file>, …]                              # empty: no HTTPS system is believed
principal_propagation:
  subject_pattern: "CN=${name}"
  validity_minutes: 60
  expiration_tolerance_minutes: 0
  trusted_issuers: [{issuer: https://localhost:8443/oauth/token, ca: <PEM or file>}]   # empty: nobody is believed
mappings:                                                      # empty: nothing is exposed
  - virtualHost: erp.virtual
    virtualPort: 443
    localHost: erp.corp.local
    localPort: 44300
    protocol: HTTPS
    authenticationMode: X509_GENERAL
    hostInHeader: internal
    resources: [{id: /sap/opu/odata, exactMatchOnly: false, websocketUpgradeAllowed: false}]
```

Names of mappings are those of the interface that administrators know; a value that is a file name is read relative to
the folder of this file.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic.alias_generators import to_camel

_HOST = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\.?|[0-9A-Fa-f:]+"
)


def _host(value: str) -> str:
    if len(value) > 253 or not _HOST.fullmatch(value):
        raise ValueError("must be a host name without a scheme, port or underscore")
    return value.rstrip(".").lower()


def _resource_path(value: str) -> str:
    if not value.startswith("/") or "?" in value or "#" in value or any(c <= " " for c in value):
        raise ValueError("must be a path that begins with / and has no query")
    return value


def _issuer(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("must be an https:// URL: keys are fetched from its host")
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _digits(value: object) -> object:
    # Administrators' tools write ports as texts.
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=65535, strict=True)]
Pem = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _CamelSection(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, alias_generator=to_camel, populate_by_name=True
    )


class Resource(_CamelSection):
    """A path that is exposed; without `exactMatchOnly` everything that begins with it is, too."""

    id: Annotated[str, AfterValidator(_resource_path)]
    enabled: bool = True
    exact_match_only: bool = False
    segment_match: bool = False
    """Ours: `/a/b` then exposes `/a/b` and `/a/b/…` but not `/a/bc`, which a plain prefix would."""
    websocket_upgrade_allowed: bool = False
    description: str = ""


class Mapping(_CamelSection):
    """A virtual host and port, and the system behind it."""

    virtual_host: Host
    virtual_port: Port
    local_host: Host
    local_port: Port
    protocol: Annotated[Literal["HTTP", "HTTPS"], BeforeValidator(_upper)]
    authentication_mode: Annotated[
        Literal["NONE", "NONE_RESTRICTED", "X509_GENERAL", "X509_RESTRICTED"], BeforeValidator(_upper)
    ] = "NONE"
    host_in_header: Annotated[Literal["virtual", "internal"], BeforeValidator(_lower)] = "virtual"
    backend_type: str = "otherSAPsys"
    description: str = ""
    resources: tuple[Resource, ...] = ()

    @model_validator(mode="after")
    def _principals_need_tls(self) -> Self:
        if self.propagates and self.protocol != "HTTPS":
            raise ValueError("authenticationMode X509_… needs protocol HTTPS")
        return self

    @property
    def propagates(self) -> bool:
        """Whether users' certificates may go to this system."""
        return self.authentication_mode.startswith("X509")

    @property
    def logs_on_as_connector(self) -> bool:
        """Whether, without a user, the system may take the connector's own certificate for the caller."""
        return not self.authentication_mode.endswith("_RESTRICTED") and not self.propagates

    @property
    def system(self) -> str:
        """Virtual host and port, as callers write it."""
        return f"{self.virtual_host}:{self.virtual_port}"


class GatewaySection(_Section):
    host: Host
    port: Port
    trust: Pem


class IdentitySection(_Section):
    connector_id: str = Field(min_length=1)
    zid: str = Field(min_length=1)
    location_id: str = ""
    certificate: Pem
    private_key: SecretStr


class PairingSection(_Section):
    """Where the next certificate comes from, and whom to believe there besides the system's authorities."""

    url: Annotated[str, AfterValidator(_issuer)]
    trust: Pem | None = None


class KeyPairSection(_Section):
    certificate: Pem
    private_key: SecretStr


class TrustedIssuer(_Section):
    """Whose tokens are believed; keys come from `https://<host of issuer>/token_keys`, whatever a token says."""

    issuer: Annotated[str, AfterValidator(_issuer)]
    ca: Pem | None = None
    """Whom to believe when fetching the keys; the system's authorities if it is not given."""

    @property
    def key_domain(self) -> str:
        return urlsplit(self.issuer).netloc


class PropagationSection(_Section):
    subject_pattern: str = Field(default="CN=${name}", min_length=1, max_length=512)
    validity_minutes: int = Field(default=60, ge=1, le=43200)
    expiration_tolerance_minutes: int = Field(default=0, ge=0, le=336 * 60)
    trusted_issuers: tuple[TrustedIssuer, ...] = ()


class TimeoutsSection(_Section):
    """Seconds towards systems."""

    connect: float = Field(default=10.0, gt=0)
    response: float = Field(default=120.0, gt=0)
    between_pieces: float = Field(default=120.0, gt=0)


class ConnectorConfiguration(_Section):
    """Everything that a connector knows. A file that was not paired yet has no gateway and no identity."""

    gateway: GatewaySection | None = None
    identity: IdentitySection | None = None
    pairing: PairingSection | None = None
    system_certificate: KeyPairSection | None = None
    principal_ca: KeyPairSection | None = None
    backend_trust: tuple[Pem, ...] = ()
    principal_propagation: PropagationSection = PropagationSection()
    timeouts: TimeoutsSection = TimeoutsSection()
    max_connections: int = Field(default=1024, ge=1, le=65536)
    mappings: tuple[Mapping, ...] = ()

    @model_validator(mode="after")
    def _one_mapping_a_system(self) -> Self:
        seen: set[str] = set()
        for mapping in self.mappings:
            if mapping.system in seen:
                raise ValueError(f"{mapping.system} is mapped twice")
            seen.add(mapping.system)
        if any(mapping.propagates for mapping in self.mappings) and self.identity is not None:
            missing = [name for name in ("system_certificate", "principal_ca") if getattr(self, name) is None]
            if missing:
                raise ValueError(f"a mapping propagates users, so {' and '.join(missing)} must be there")
        return self
