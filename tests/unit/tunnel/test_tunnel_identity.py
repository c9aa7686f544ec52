"""A connector's identity survives its certificate; anything else is nobody."""

import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from entryway.errors import BadRequest
from entryway.testing.authority import _builder
from entryway.tunnel.identity import (
    ConnectorIdentity,
    IdentityUnknown,
    TunnelId,
    check_location_id,
    read_identity,
    subject,
)

KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(name: x509.Name) -> x509.Certificate:
    return _builder(name, name, KEY.public_key()).sign(KEY, hashes.SHA256())


locations = st.from_regex(r"([A-Za-z0-9._~-]{1,20}( [A-Za-z0-9._~-]{1,20}){0,2})?", fullmatch=True)


@given(st.uuids(), st.uuids(), locations)
def test_what_is_written_is_read(connector: uuid.UUID, zid: uuid.UUID, location: str) -> None:
    identity = ConnectorIdentity(str(connector), TunnelId(str(zid), location))
    assert read_identity(certificate(subject(identity))) == identity


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


ID = str(uuid.uuid4())


@pytest.mark.parametrize(
    "wrong",
    [
        name(),
        name((NameOID.COMMON_NAME, ID)),
        name((NameOID.ORGANIZATION_NAME, "t")),
        name((NameOID.ORGANIZATION_NAME, "t"), (NameOID.COMMON_NAME, "somebody")),
        name((NameOID.ORGANIZATION_NAME, "t"), (NameOID.ORGANIZATION_NAME, "u"), (NameOID.COMMON_NAME, ID)),
        name((NameOID.ORGANIZATION_NAME, "t"), (NameOID.COMMON_NAME, ID), (NameOID.COMMON_NAME, str(uuid.uuid4()))),
    ],
)
def test_a_subject_that_does_not_name_one_connector(wrong: x509.Name) -> None:
    with pytest.raises(IdentityUnknown):
        read_identity(certificate(wrong))


@pytest.mark.parametrize("location_id", ["a  b", " a", "a ", "a/b", "ä", "x" * 65, "a\n", '"', "%41"])
def test_a_location_id_travels_everywhere_or_is_refused(location_id: str) -> None:
    with pytest.raises(BadRequest):
        check_location_id(location_id)
