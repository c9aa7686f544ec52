"""Java key stores: read as `keytool` of Java 17 wrote them."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509 import load_der_x509_certificate
from hypothesis import given
from hypothesis import strategies as some

from entryway.router.java_key_store import is_java_key_store, read_java_key_store

PASSWORD = "changeit"
# keytool -genkeypair -alias app -dname "CN=app, O=Shop"; keytool -importcert -alias trusted-ca
STORE = base64.b64decode(
    """
    /u3+7QAAAAIAAAACAAAAAgAKdHJ1c3RlZC1jYQAAAaIDXefuAAVYLjUwOQAAATcwggEzMIHaoAMCAQICCQDyy8V6nBd8XjAKBggqhkjOPQQDAjAN
    MQswCQYDVQQDEwJjYTAgFw0yNjExMjIxMzA2NTRaGA8yMTI2MTAyOTEzMDY1NFowDTELMAkGA1UEAxMCY2EwWTATBgcqhkjOPQIBBggqhkjOPQMB
    BwNCAAR2E4OyUUfe3vUOKH0vDxitfSLzn61kIa5Kxp+BRixv0J7bEH3w/inNzjayD+dDPStCcK7/jG+O56O0Rl+MPAEaoyEwHzAdBgNVHQ4EFgQU
    LWkPK3JRgPyZCQNHdIIAI7fXsxgwCgYIKoZIzj0EAwIDSAAwRQIhAIwFEtIBQKJ9SYXUnFMCUlJ6wjLjDTLj7lAelYLSCpBYAiAoukDoQAn4X8NN
    ctvyZ1aWQdWBdSu+ri//GUZQWHSirgAAAAEAA2FwcAAAAaIDXeG9AAAAfzB9MA4GCisGAQQBKgIRAQEFAARrck4elApd73wJj2w/bTAXIlqe0t//
    4xD6ReMU+yknfuzOpdOjE2tc9jZeEZIWQgtmu1M2PelUqSjUtz32T3Ewx4Kel9ur7NpYc9mRT2xpBzTsfCIRSSvGlMXU++38lvXKueJADPFX1W2a
    CjAAAAABAAVYLjUwOQAAAVUwggFRMIH5oAMCAQICCDKQZ8D3TEhRMAoGCCqGSM49BAMCMB0xDTALBgNVBAoTBFNob3AxDDAKBgNVBAMTA2FwcDAg
    Fw0yNjExMjIxMzA2NTNaGA8yMTI2MTAyOTEzMDY1M1owHTENMAsGA1UEChMEU2hvcDEMMAoGA1UEAxMDYXBwMFkwEwYHKoZIzj0CAQYIKoZIzj0D
    AQcDQgAEMrUB8Q139Ip8ZglgNcpQ1JUWzQomDKkbXrEgv6Pq0Mv5Fmx8r4wRmTOLHRW083jp2jEouRBxMUgczRD5sMYkPKMhMB8wHQYDVR0OBBYE
    FOys3ChPNqcfYPIsX7QBnZCzqANsMAoGCCqGSM49BAMCA0cAMEQCIFdNPY8D4EuZYYWwFnugU8kTPbmN4l0MTM3rvhj9QI5EAiBsJJP0+pd92oIr
    bo285xmib47YdO1fCluaize5qeLfYedR8pj6s5wwE8q4TCPgrZb1i9zi
    """
)


def sealed(body: bytes) -> bytes:
    """Return a store whose digest is right, whatever is in it."""
    secret = PASSWORD.encode("utf-16-be")
    return body + hashlib.sha1(secret + b"Mighty Aphrodite" + body, usedforsecurity=False).digest()


def key_entry(hidden: bytes) -> bytes:
    entry = b"\0\0\0\1" + b"\0\1a" + bytes(8) + len(hidden).to_bytes(4, "big") + hidden + bytes(4)
    return STORE[:8] + b"\0\0\0\1" + entry


def test_the_key_its_chain_and_the_authorities_are_found() -> None:
    store = read_java_key_store(STORE, PASSWORD)
    assert store.key is not None
    key, (certificate,) = load_der_private_key(store.key, None), map(load_der_x509_certificate, store.chain)
    assert key.public_key() == certificate.public_key()
    assert certificate.subject.rfc4514_string() == "CN=app,O=Shop"
    (authority,) = map(load_der_x509_certificate, store.trusted)
    assert authority.subject.rfc4514_string() == "CN=ca"
    assert "key" not in repr(store)


def test_another_password_or_a_changed_byte_is_noticed() -> None:
    for wrong in ("", "Changeit", "changeit "):
        with pytest.raises(ValueError, match="the password is another one"):
            read_java_key_store(STORE, wrong)
    for place in range(0, len(STORE), 37):
        changed = bytearray(STORE)
        changed[place] ^= 1
        with pytest.raises(ValueError, match=r"password|JCEKS"):
            read_java_key_store(bytes(changed), PASSWORD)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"PK\x03\x04" + STORE[4:-20], "no Java key store"),
        (STORE[:4] + b"\0\0\0\3" + STORE[8:-20], "version"),
        (STORE[:8] + b"\xff\xff\xff\xff" + STORE[12:-20], "more than 1000"),
        (STORE[:8] + b"\0\0\0\3" + STORE[12:-20], "cut off"),
        (STORE[:12] + b"\0\0\0\7" + STORE[16:-20], "neither a key nor a certificate"),
        (STORE[:100], "cut off"),
        (key_entry(b"0"), "cut off"),
        (key_entry(b"0\x82\xff\xff"), "cut off"),
        (key_entry(b"0\x04\x02\x00\x04\x00"), "hidden in a way"),
        (key_entry(b""), "values"),
    ],
)
def test_what_is_no_store_is_refused(body: bytes, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        read_java_key_store(sealed(body), PASSWORD)


def test_several_keys_are_one_too_many() -> None:
    entries = STORE[12:-20]
    with pytest.raises(ValueError, match="more than one key"):
        read_java_key_store(sealed(STORE[:8] + b"\0\0\0\4" + entries * 2), PASSWORD)


def test_javas_other_format_is_known_and_refused() -> None:
    assert is_java_key_store(b"\xce\xce\xce\xce...")
    with pytest.raises(ValueError, match="JCEKS"):
        read_java_key_store(b"\xce\xce\xce\xce...", PASSWORD)
    assert not is_java_key_store(b"0\x82")


@given(some.binary(max_size=200))
def test_nothing_else_is_ever_raised(tail: bytes) -> None:
    for body in (tail, STORE[:8] + tail, STORE[:16] + tail, STORE[:-20] + tail):
        try:
            read_java_key_store(sealed(body), PASSWORD)
        except ValueError:
            continue
