"""Destinations with stores of their own: who is shown, who is believed, and that a bad store stops the request."""

from __future__ import annotations

import hashlib
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509 import load_pem_x509_certificate
from router_neighbours import running_destinations

from entryway.testing.authority import TestAuthority
from entryway.testing.upstream import recording_upstream

if TYPE_CHECKING:
    from pathlib import Path

    from router_neighbours import Destinations
    from router_world import Browser, World

    from entryway.testing.upstream import RecordingUpstream

CERTIFIED = {"Authentication": "ClientCertificateAuthentication"}
PASSWORD = "pass-word"


@pytest.fixture
def authority(tmp_path: Path) -> TestAuthority:
    return TestAuthority.create(tmp_path / "ca")


@pytest.fixture
def client(authority: TestAuthority) -> tuple[bytes, bytes]:
    """The certificate and the key of the application at its backend, PEM."""
    files = authority.issue_client("router")
    return files.certificate.read_bytes(), files.key.read_bytes()


@pytest.fixture
async def service(world: World) -> Destinations:
    return await world.stack.enter_async_context(running_destinations(world.uaa))


@pytest.fixture
async def backend(world: World, authority: TestAuthority) -> RecordingUpstream:
    """A backend that nobody of the environment believes, and that wants to see a certificate."""
    context = authority.server_context()
    context.load_verify_locations(authority.ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    return await world.stack.enter_async_context(recording_upstream(ssl=context))


async def start(world: World, service: Destinations, **env: Any) -> Browser:
    route = {"source": "^/d/", "destination": "d", "authenticationType": "none"}
    return await world.start(route, services={"destination": service.credentials()}, env=env)


def bundled(client: tuple[bytes, bytes]) -> bytes:
    certificate, key = load_pem_x509_certificate(client[0]), load_pem_private_key(client[1], None)
    return serialize_key_and_certificates(
        b"app",
        key,  # type: ignore[arg-type]
        certificate,
        None,
        BestAvailableEncryption(PASSWORD.encode()),
    )


def java_store(client: tuple[bytes, bytes] | None, *authorities: str) -> bytes:
    """Return a store as Java writes it: big-endian, with a key hidden under a stream of digests."""

    def sized(content: bytes, size: int = 4) -> bytes:
        return len(content).to_bytes(size, "big") + content

    def digest(*parts: bytes) -> bytes:
        return hashlib.sha1(PASSWORD.encode("utf-16-be") + b"".join(parts), usedforsecurity=False).digest()

    def certificate(text: str) -> bytes:
        return sized(b"X.509", 2) + sized(ssl.PEM_cert_to_DER_cert(text))

    entries = [b"\0\0\0\2" + sized(b"ca", 2) + bytes(8) + certificate(text) for text in authorities]
    if client is not None:
        key = load_pem_private_key(client[1], None).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        block, hidden = bytes(range(20)), b""
        for start in range(0, len(key), 20):
            block = digest(block)
            hidden += bytes(a ^ b for a, b in zip(key[start : start + 20], block, strict=False))
        sealed = bytes(range(20)) + hidden + digest(key)
        algorithm = bytes.fromhex("300e060a2b060104012a021101010500")
        info = b"0\x82" + sized(algorithm + b"\x04\x82" + sized(sealed, 2), 2)
        named = b"\0\0\0\1" + sized(b"app", 2) + bytes(8)
        entries.append(named + sized(info) + b"\0\0\0\1" + certificate(client[0].decode()))
    body = b"\xfe\xed\xfe\xed\0\0\0\2" + len(entries).to_bytes(4, "big") + b"".join(entries)
    return body + digest(b"Mighty Aphrodite", body)


@pytest.mark.parametrize("form", ["p12", "PFX", "pem", "jks"])
async def test_a_key_store_proves_the_application(  # noqa: PLR0917 - fixtures
    world: World, service: Destinations, backend: RecordingUpstream, authority: TestAuthority,
    client: tuple[bytes, bytes], form: str,
) -> None:  # fmt: skip
    location = f"app.{form}"
    password = {} if form == "pem" else {"KeyStorePassword": PASSWORD}
    trust = {"TrustStoreLocation": "ca.pem"}
    service.define("d", backend.url, KeyStoreLocation=location, **CERTIFIED, **password, **trust)
    content = b"\n".join(client) if form == "pem" else java_store(client) if form == "jks" else bundled(client)
    service.store("d", (location, content), ("ca.pem", authority.ca_file.read_bytes()))
    browser = await start(world, service)

    assert (await browser.get("/d/x")).status_code == 200

    assert backend.requests[-1].certificate == ssl.PEM_cert_to_DER_cert(client[0].decode())


@pytest.mark.parametrize("form", ["pem", "crt", "der", "jks"])
async def test_a_trust_store_is_believed_beside_the_systems(
    world: World, service: Destinations, backend: RecordingUpstream, authority: TestAuthority, form: str
) -> None:
    text = authority.ca_file.read_text()
    service.define("d", backend.url)
    browser = await start(world, service)
    assert (await browser.get("/d/x")).status_code == 502
    assert backend.requests == []

    world.clock.now += 1000
    service.define("d", backend.url, TrustStoreLocation=f"ca.{form}", TrustStorePassword=PASSWORD)
    written = {"der": ssl.PEM_cert_to_DER_cert(text), "jks": java_store(None, text)}.get(form, text.encode())
    service.store("d", (f"ca.{form}", written))
    assert (await browser.get("/d/x")).status_code == 200
    assert backend.requests[-1].certificate is None


STORE = {"KeyStoreLocation": "app.p12", "KeyStorePassword": PASSWORD}


@pytest.mark.parametrize(
    "properties",
    [
        {"KeyStorePassword": PASSWORD},
        STORE | {"KeyStorePassword": "wrong-" + PASSWORD},
        STORE | {"KeyStoreLocation": "app.jks"},
        STORE | {"KeyStoreLocation": "app.jceks"},
        STORE | {"KeyStoreLocation": "elsewhere.p12"},
        STORE | {"TrustStoreLocation": "app.p12", "TrustStorePassword": "wrong-" + PASSWORD},
        STORE | {"TrustStoreLocation": "elsewhere.pem"},
        STORE | {"HTML5.ForwardAuthCertificates": "true"},
        STORE | {"URL": "http://backend"},
    ],
    ids=["none", "password", "damaged", "kind", "missing", "trust-password", "trust-missing", "both", "plain"],
)
async def test_a_store_that_cannot_be_used_stops_the_request(  # noqa: PLR0917 - fixtures
    world: World, service: Destinations, backend: RecordingUpstream, client: tuple[bytes, bytes],
    properties: dict[str, str], capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    service.define("d", backend.url, **(CERTIFIED | properties))
    service.store("d", ("app.p12", bundled(client)), ("app.jks", b"\xfe\xed\xfe\xed"))
    browser = await start(world, service, NODE_TLS_REJECT_UNAUTHORIZED="0")

    refused = await browser.get("/d/x")

    assert (refused.status_code, refused.headers["entryway-error"]) == (502, "destination_failed")
    assert backend.requests == []
    said = capfd.readouterr()
    assert PASSWORD not in refused.text + world.log.getvalue().decode() + said.out + said.err


async def test_certificates_that_are_no_base64_are_the_services_mistake(
    world: World, service: Destinations, backend: RecordingUpstream
) -> None:
    service.define("d", backend.url)
    service.known["d"]["certificates"] = [{"Name": "a.pem", "Content": "%%%"}]
    assert (await (await start(world, service)).get("/d/x")).status_code == 502
    assert backend.requests == []


async def test_properties_in_their_older_spelling_count_too(world: World, service: Destinations) -> None:
    service.define("d", world.backend.url, forwardAuthToken="true", preserveHostHeader="true", timeout="700")
    route = {"source": "^/d/", "destination": "d"}
    browser = await world.start(route, services={"destination": service.credentials()})
    await browser.log_in("/d/x")

    assert (await browser.get("/d/x", host="shop.example")).status_code == 200

    headers = world.backend.requests[-1].headers
    assert (headers.text("authorization") or "").startswith("Bearer ")
    assert headers.text("host") == "shop.example"


@pytest.mark.parametrize("value", ["true", "false", ""])
async def test_a_destination_may_want_connections_that_are_not_kept_for_long(
    world: World, service: Destinations, value: str
) -> None:
    service.define("d", world.backend.url, **{"HTML5.StrictConnectionMode": value})
    assert (await (await start(world, service)).get("/d/x")).status_code == 200
    assert world.app is not None
    (source,) = world.app.client._pools
    assert source.cautious == (value == "true")
