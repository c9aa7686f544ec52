"""Whether both ends proved themselves is read from the handshake itself, whatever the version of TLS."""

import ssl
from pathlib import Path

import pytest

from entryway.connector.keys import new_system_identity
from entryway.connector.mutual import MutualTls
from entryway.testing.authority import TestAuthority
from entryway.tunnel.contexts import KeyPair, load_key_pair


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> ssl.SSLObject:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    pending = [ours, theirs]
    for _ in range(10):
        for end in list(pending):
            try:
                end.do_handshake()
                pending.remove(end)
            except ssl.SSLWantReadError:
                continue
        if not pending:
            return ours
    raise AssertionError("no handshake")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TestAuthority:
    return TestAuthority.create(tmp_path_factory.mktemp("company"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("asks", "has_certificate", "proven"),
    [
        (ssl.CERT_REQUIRED, True, True),
        (ssl.CERT_OPTIONAL, True, True),
        (ssl.CERT_OPTIONAL, False, False),
        (ssl.CERT_NONE, True, False),
        (ssl.CERT_NONE, False, False),
    ],
)
def test_what_counts_as_mutual(
    authority: TestAuthority,
    tmp_path: Path,
    version: ssl.TLSVersion,
    asks: ssl.VerifyMode,
    *,
    has_certificate: bool,
    proven: bool,
) -> None:
    own = new_system_identity("c", authority.certificate.not_valid_before_utc)
    server = authority.server_context()
    server.minimum_version = server.maximum_version = version
    server.verify_mode = asks
    server.load_verify_locations(cadata=own.anchor)
    client = ssl.create_default_context(cafile=str(authority.ca_file))
    if has_certificate:
        load_key_pair(client, KeyPair(own.own.certificate, own.own.private_key))
    mutual = MutualTls(client)

    connection = shake_hands(client, server)

    assert connection.version() == {771: "TLSv1.2", 772: "TLSv1.3"}[version]
    assert mutual.proven(connection) is proven


def test_nothing_is_proven_without_tls_or_by_another_connection(authority: TestAuthority) -> None:
    client = ssl.create_default_context(cafile=str(authority.ca_file))
    mutual = MutualTls(client)
    assert not mutual.proven(None)
    assert not mutual.proven(shake_hands(client, authority.server_context()))
