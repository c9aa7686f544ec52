"""Who a connector is: the subject of its certificate says the tenant, the location and the connector itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from cryptography import x509
from cryptography.x509.oid import NameOID

from entryway.errors import BadRequest, Forbidden

# It travels in a header, a certificate and log lines: characters that mean nothing in any of
# them, and blanks between words, as in "New York".
LOCATION_ID_PATTERN = r"^([A-Za-z0-9._~-]+( [A-Za-z0-9._~-]+)*)?$"
LOCATION_ID_LENGTH = 64


class IdentityUnknown(Forbidden):
    """A certificate of the tunnel's authority does not say which connector it belongs to."""

    code = "connector_identity_unknown"


@dataclass(frozen=True, slots=True)
class TunnelId:
    """What a request is routed by: the tenant and the location, which is empty for the tenant's only connector."""

    zid: str
    location_id: str = ""


@dataclass(frozen=True, slots=True)
class ConnectorIdentity:
    """One paired connector."""

    connector_id: str
    tunnel: TunnelId


def check_location_id(location_id: str) -> None:
    """Raise if a location id could not travel safely."""
    if len(location_id) > LOCATION_ID_LENGTH or not re.fullmatch(LOCATION_ID_PATTERN, location_id):
        raise BadRequest("a location id has at most 64 letters, digits and . _ ~ -, and single blanks between them")


def subject(identity: ConnectorIdentity) -> x509.Name:
    """Return the certificate subject that says this identity."""
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, identity.tunnel.zid),
        x509.NameAttribute(NameOID.COMMON_NAME, identity.connector_id),
    ]
    if identity.tunnel.location_id:
        attributes.insert(1, x509.NameAttribute(NameOID.LOCALITY_NAME, identity.tunnel.location_id))
    return x509.Name(attributes)


def read_identity(certificate: x509.Certificate) -> ConnectorIdentity:
    """Return who the certificate was issued to; that it is genuine was settled in the TLS handshake."""
    location_id = _one(certificate.subject, NameOID.LOCALITY_NAME, optional=True)
    check_location_id(location_id)
    connector_id = _one(certificate.subject, NameOID.COMMON_NAME)
    try:
        UUID(connector_id)
    except ValueError as error:
        raise IdentityUnknown("the certificate's common name is not a connector's id") from error
    return ConnectorIdentity(connector_id, TunnelId(_one(certificate.subject, NameOID.ORGANIZATION_NAME), location_id))


def _one(name: x509.Name, oid: x509.ObjectIdentifier, *, optional: bool = False) -> str:
    values = [str(attribute.value) for attribute in name.get_attributes_for_oid(oid)]
    if not values and optional:
        return ""
    if len(values) != 1:
        raise IdentityUnknown(f"the certificate's subject {name.rfc4514_string()!r} does not name one connector")
    return values[0]
