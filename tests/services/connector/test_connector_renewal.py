"""The connector's certificate is renewed before it ends, and the tunnel stays open."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from entryway.certificates import new_key
from entryway.connector.dialling import Dialler, Gateway
from entryway.connector.file import read_configuration, read_document, write_document
from entryway.connector.keys import certificate_request
from entryway.connector.renewal import FIRST_RETRY, LONGEST_WAIT, Renewal, retry_after, until_due
from entryway.connector.run import serve
from entryway.testing.onpremise import OnPremise, erp, stop
from entryway.tunnel.pairing import to_sign

MONTHS_LATER = timedelta(days=300)


class Dials:
    """Where a dialler would be told to dial."""

    def __init__(self) -> None:
        self.used: list[Gateway] = []

    def use(self, gateway: Gateway) -> None:
        self.used.append(gateway)


async def attend(renewal: Renewal) -> tuple[timedelta, list[Gateway]]:
    dials = Dials()
    return await renewal.attend(cast("Dialler", dials)), dials.used


def held(world: OnPremise) -> x509.Certificate:
    identity = read_configuration(world.config).identity
    assert identity is not None
    return x509.load_pem_x509_certificate(identity.certificate.encode())


def later(world: OnPremise, by: timedelta = MONTHS_LATER) -> Renewal:
    return Renewal(world.config, lambda: datetime.now(UTC) + by)


async def test_the_tunnel_stays_open_while_the_certificate_is_renewed(world: OnPremise) -> None:
    async with erp(world, connect=False) as system:
        before, mappings = held(world), read_document(world.config)["mappings"]
        task = asyncio.create_task(serve(read_configuration(world.config), "connector.yaml", None, later(world)))
        world.stack.push_async_callback(stop, task)
        first = (await world.connected())["connected_since"]
        async with asyncio.timeout(10):
            while held(world).serial_number == before.serial_number:
                assert (await world.get()).status == 200
        after = held(world)
        assert (await world.get()).status == 200
        assert (await world.connected())["connected_since"] == first
        assert system.upstream.requests
    assert after.subject == before.subject
    assert after.public_key() != before.public_key()
    assert read_document(world.config)["mappings"] == mappings
    assert world.config.stat().st_mode & 0o777 == 0o600
    # What was written is good for the next start.
    await world.connect()
    assert (await world.connected())["connector_id"] == read_document(world.config)["identity"]["connector_id"]


async def test_it_is_renewed_when_a_third_of_its_time_is_left(world: OnPremise) -> None:
    await world.pair()
    before = held(world)
    assert await attend(Renewal(world.config, lambda: datetime.now(UTC))) == (LONGEST_WAIT, [])
    soon, _ = await attend(later(world, timedelta(days=243, hours=7, minutes=30)))
    assert timedelta() < soon < LONGEST_WAIT
    assert held(world) == before
    pause, used = await attend(later(world))
    assert (pause, len(used)) == (FIRST_RETRY, 1)
    assert held(world) != before
    # A connector whose answer got lost asks again with the certificate that it still has.
    write_document(world.config, read_document(world.config) | {"identity": read_document(world.config)["identity"]})
    assert len((await attend(later(world)))[1]) == 1


async def test_what_cannot_be_renewed_now_is_tried_again(world: OnPremise) -> None:
    await world.pair()
    document, before = read_document(world.config), held(world)
    write_document(world.config, document | {"pairing": {**document["pairing"], "url": "https://localhost:9"}})
    renewal = later(world)
    assert [await attend(renewal), await attend(renewal)] == [(FIRST_RETRY, []), (2 * FIRST_RETRY, [])]
    write_document(world.config, {name: value for name, value in document.items() if name != "pairing"})
    assert await attend(renewal) == (4 * FIRST_RETRY, [])
    world.config.write_text("identity: [")
    assert await attend(renewal) == (8 * FIRST_RETRY, [])
    write_document(world.config, document)
    assert (await attend(renewal))[0] == FIRST_RETRY
    assert renewal.failures == 0
    assert held(world) != before


def test_when_to_look_again() -> None:
    assert [retry_after(failures) for failures in (1, 2, 4, 99)] == [
        timedelta(minutes=1),
        timedelta(minutes=2),
        timedelta(minutes=8),
        timedelta(hours=1),
    ]


async def test_nobody_else_gets_a_certificate(world: OnPremise) -> None:
    await world.pair()
    identity = read_document(world.config)["identity"]
    own = serialization.load_pem_private_key(identity["private_key"].encode(), None)
    assert isinstance(own, ec.EllipticCurvePrivateKey)
    other, csr = new_key(), certificate_request(new_key())
    another_csr = certificate_request(new_key())

    def signed(key: ec.EllipticCurvePrivateKey, what: str) -> str:
        message = to_sign(x509.load_pem_x509_csr(what.encode()))
        return base64.b64encode(key.sign(message, ec.ECDSA(hashes.SHA256()))).decode()

    genuine = x509.load_pem_x509_certificate(identity["certificate"].encode())
    builder = x509.CertificateBuilder(
        issuer_name=genuine.issuer,
        subject_name=genuine.subject,
        public_key=other.public_key(),
        serial_number=genuine.serial_number,
        not_valid_before=genuine.not_valid_before_utc,
        not_valid_after=genuine.not_valid_after_utc,
    )
    forged = builder.sign(other, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    good = {"certificate": identity["certificate"], "csr": csr, "signature": signed(own, csr)}
    refused: list[tuple[int, dict[str, Any]]] = [
        (401, good | {"signature": signed(other, csr)}),
        (401, good | {"signature": signed(own, another_csr)}),
        (401, good | {"signature": "AAAA"}),
        (401, good | {"certificate": forged, "signature": signed(other, csr)}),
        (401, good | {"certificate": world.issuer.ca_file.read_text()}),
        (400, good | {"signature": "not base64"}),
        (400, good | {"certificate": "no certificate"}),
        (400, good | {"csr": "no request"}),
        (400, good | {"location_id": "elsewhere"}),
    ]
    async with httpx.AsyncClient(verify=world.issuer.tls) as http:
        for status, body in refused:
            answer = await http.post(f"{world.pairing_url}/connectivity/v1/renewal", json=body)
            assert (answer.status_code, "certificate" in answer.json()) == (status, False), body
        assert (await http.post(f"{world.pairing_url}/connectivity/v1/renewal", json=good)).status_code == 201


@pytest.mark.parametrize(("age", "left"), [(timedelta(), 20), (timedelta(days=10), 10), (timedelta(days=40), 0)])
def test_a_short_life_is_divided_as_a_long_one(age: timedelta, left: int) -> None:
    now, key = datetime.now(UTC).replace(microsecond=0), new_key()
    name = x509.Name([])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=30))
    assert until_due(made.sign(key, hashes.SHA256()), now + age) == timedelta(days=left)
