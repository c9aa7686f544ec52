"""Pairing: a token makes one connector, once, and only who has the platform's right hands tokens out."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from entryway.certificates import new_key
from entryway.config.mistakes import ConfigurationMistakes
from entryway.connectivity.build import build
from entryway.connectivity.schema import SCHEMA
from entryway.connectivity.settings import PairingSettings
from entryway.connector.keys import certificate_request
from entryway.connector.pair import PairingRefused, pair
from entryway.errors import UpstreamUnreachable
from entryway.storage.resealing import Resealed
from entryway.testing.authority import TestAuthority
from entryway.testing.databases import DatabaseUrl, contents, execute, reseal_everything, sqlite_url
from entryway.testing.issuer import Issuer
from entryway.testing.onpremise import OnPremise, on_premise
from entryway.testing.serving import served


@pytest.fixture
async def world(issuer: Issuer, tmp_path: Path, database_url: DatabaseUrl) -> AsyncIterator[OnPremise]:
    """The whole chain, on both engines: pairing is what is kept in a database."""
    async with on_premise(issuer, tmp_path, database_url) as running:
        yield running


async def post(world: OnPremise, path: str, body: Any, token: str | None = None) -> httpx.Response:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    content = body if isinstance(body, bytes) else None
    async with httpx.AsyncClient(verify=world.issuer.tls) as http:
        return await http.post(
            f"{world.pairing_url}/connectivity/v1/{path}",
            headers=headers,
            json=None if content is not None else body,
            content=content,
        )


def request(token: str, csr: str | None = None, **more: Any) -> dict[str, Any]:
    return {"token": token, "csr": csr or certificate_request(new_key())} | more


async def test_a_token_becomes_a_certificate_of_the_tenant_and_location(world: OnPremise) -> None:
    token = await world.pairing_token(location_id="plant1")

    answer = await post(world, "pairing", request(token, location_id="plant1"))

    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    paired = answer.json()
    certificate = x509.load_pem_x509_certificate(paired["certificate"].encode())
    assert certificate.subject.rfc4514_string() == f"CN={paired['connector_id']},L=plant1,O={world.issuer.zone}"
    ca = x509.load_pem_x509_certificate((world.folder / "tunnel-ca.pem").read_bytes())
    certificate.verify_directly_issued_by(ca)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert paired["gateway"] == {
        "host": "localhost",
        "port": world.ports.gateway,
        "trust": world.issuer.ca_file.read_text(),
    }


async def test_the_authoritys_key_can_be_sealed_anew(world: OnPremise) -> None:
    await post(world, "pairing", request(await world.pairing_token()))
    assert reseal_everything(world.database_url, b"m" * 32, SCHEMA) == Resealed(1, 0)
    assert (await post(world, "pairing", request(await world.pairing_token()))).status_code == 201


async def test_what_a_certificate_request_says_about_itself_is_ignored(world: OnPremise) -> None:
    key = new_key()
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "another-tenant")])
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    csr = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    answer = await post(world, "pairing", request(await world.pairing_token(), csr))

    certificate = x509.load_pem_x509_certificate(answer.json()["certificate"].encode())
    assert "another-tenant" not in certificate.subject.rfc4514_string()
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.public_key() == key.public_key()


async def test_a_token_works_once(world: OnPremise) -> None:
    token = await world.pairing_token()

    answers = await asyncio.gather(*(post(world, "pairing", request(token)) for _ in range(5)))
    late = await post(world, "pairing", request(token))

    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401, 401]
    assert (late.status_code, late.headers["entryway-error"]) == (401, "pairing_token_refused")


async def test_a_token_for_another_location_is_refused_and_still_good_for_its_own(world: OnPremise) -> None:
    token = await world.pairing_token(location_id="plant1")

    wrong = await post(world, "pairing", request(token, location_id=""))
    right = await post(world, "pairing", request(token, location_id="plant1"))

    assert (wrong.status_code, right.status_code) == (401, 201)


async def test_a_token_does_not_last(issuer: Issuer, tmp_path: Path) -> None:
    from datetime import timedelta  # noqa: PLC0415

    settings = pairing_settings(issuer, tmp_path, token_lifetime=timedelta(0))
    with served(lambda _: build(settings), issuer.authority) as url:
        async with httpx.AsyncClient(verify=issuer.tls, base_url=f"{url}/connectivity/v1/") as http:
            platform = issuer.client_token("entryway-platform", scopes=["entryway.platform"])
            made = await http.post("pairing-tokens", json={}, headers={"authorization": f"Bearer {platform}"})
            answer = await http.post("pairing", json=request(made.json()["token"]))
    assert (made.status_code, answer.status_code) == (201, 401)


def pairing_settings(issuer: Issuer, folder: Path, **changes: Any) -> PairingSettings:
    return PairingSettings(
        **(
            {
                "public_url": "https://localhost",
                "uaa_url": issuer.url,
                "database_url": sqlite_url(folder, "other"),
                "master_key": b"k" * 32,
                "ca_file": issuer.ca_file,
            }
            | changes
        )
    )


async def test_guessing_is_slowed_down(issuer: Issuer, tmp_path: Path) -> None:
    settings = pairing_settings(issuer, tmp_path, attempts_per_minute=3)
    with served(lambda _: build(settings), issuer.authority) as url:
        async with httpx.AsyncClient(verify=issuer.tls, base_url=f"{url}/connectivity/v1/") as http:
            answers = [await http.post("pairing", json=request("guess")) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 20


@pytest.mark.parametrize("who", ["nobody", "user", "connectivity", "no scope", "tampered"])
async def test_only_the_platform_hands_out_tokens(world: OnPremise, who: str) -> None:
    token = {
        "nobody": None,
        "user": world.issuer.token(user="alex", scopes=["entryway.platform"]),
        "connectivity": world.proxy_token,
        "no scope": world.issuer.client_token("entryway-platform", scopes=["entryway.other"]),
        "tampered": world.platform_token[:-8] + "AAAAAAAA",
    }[who]
    for path in ("pairing-tokens",):
        answer = await post(world, path, {}, token)
        assert answer.status_code in {401, 403}
        assert "token" not in answer.json()


def rsa_request(bits: int) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def weak_curve_request() -> str:
    key = ec.generate_private_key(ec.SECP192R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


async def test_a_bad_request_is_told_and_costs_no_token(world: OnPremise) -> None:
    token = await world.pairing_token()
    good = certificate_request(new_key())
    bodies: list[Any] = [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"token": "' + b"x" * 40_000 + b'"}',
        {},
        {"token": token},
        {"token": 1, "csr": good},
        request(token, "not a request"),
        request(token, good.replace("A", "B", 9)),
        request(token, rsa_request(1024)),
        request(token, weak_curve_request()),
        request(token, location_id="a,b"),
        request(token) | {"more": 1},
    ]
    for body in bodies:
        answer = await post(world, "pairing", body)
        assert answer.status_code == 400, body
        assert token not in answer.text
    assert (await post(world, "pairing", request(token))).status_code == 201


@pytest.mark.parametrize("body", [{"location_id": "a/b"}, {"zid": ""}, {"zid": "a,b"}, {"other": 1}, b"nope"])
async def test_a_token_for_an_impossible_place(world: OnPremise, body: Any) -> None:
    assert (await post(world, "pairing-tokens", body, world.platform_token)).status_code == 400


async def test_the_authority_stays_the_same_and_its_key_is_sealed(issuer: Issuer, tmp_path: Path) -> None:
    anchors = []
    for number in range(2):
        file = tmp_path / f"anchor{number}.pem"
        settings = pairing_settings(issuer, tmp_path, authority_file=file)
        with served(lambda _, settings=settings: build(settings), issuer.authority):
            anchors.append(file.read_text())
    assert anchors[0] == anchors[1]

    ((sealed,),) = execute(settings.database_url, "select sealed_key from connectivity_authority")
    assert b"PRIVATE" not in sealed
    assert b"PRIVATE" not in contents(settings.database_url)


async def test_tokens_are_stored_by_their_hash(world: OnPremise) -> None:
    token = await world.pairing_token()
    rows = execute(world.database_url, "select * from connectivity_pairing_token")
    assert len(rows) == 1
    assert token not in str(rows)


async def test_paired_connectors_are_listed_for_the_platform(world: OnPremise) -> None:
    await world.pair(location_id="plant1")
    async with httpx.AsyncClient(verify=world.issuer.tls) as http:
        url = f"{world.pairing_url}/connectivity/v1/connectors"
        listed = await http.get(url, headers={"authorization": f"Bearer {world.platform_token}"})
        anonymous = await http.get(url)
    assert [each["location_id"] for each in listed.json()] == ["plant1"]
    assert anonymous.status_code == 401


async def test_the_file_is_its_owners_alone_and_keeps_what_it_says(world: OnPremise) -> None:
    config = await world.pair()
    first = yaml.safe_load(config.read_text())
    mapping = {"virtualHost": "a", "virtualPort": 1, "localHost": "b", "localPort": 2, "protocol": "HTTP"}
    world.configure(mappings=[mapping])

    await world.pair()

    second = yaml.safe_load(config.read_text())
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert second["mappings"][0]["virtualHost"] == "a"
    assert second["principal_ca"] == first["principal_ca"]
    assert second["system_certificate"] == first["system_certificate"]
    assert second["identity"]["connector_id"] != first["identity"]["connector_id"]
    for anchor in ("principal-ca.pem", "system-ca.pem"):
        assert "PRIVATE" not in (config.parent / anchor).read_text()


async def test_a_token_is_sent_only_to_who_proves_to_be_the_service(world: OnPremise, tmp_path: Path) -> None:
    token = await world.pairing_token()
    other = TestAuthority.create(tmp_path / "other")

    with pytest.raises(UpstreamUnreachable):
        await pair(url=world.pairing_url, token=token, config=tmp_path / "c.yaml", ca_file=other.ca_file, environ={})
    assert not (tmp_path / "c.yaml").exists()
    # It never left.
    await pair(url=world.pairing_url, token=token, config=tmp_path / "c.yaml", ca_file=world.issuer.ca_file, environ={})


async def test_a_refused_token_and_a_broken_file_are_named(world: OnPremise, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    with pytest.raises(PairingRefused):
        await pair(url=world.pairing_url, token="guess", config=config, ca_file=world.issuer.ca_file, environ={})

    config.write_text("mappings: [{virtualHost: a_b}]")
    config.chmod(0o600)
    with pytest.raises(ConfigurationMistakes) as raised:
        await pair(url=world.pairing_url, token="guess", config=config, ca_file=world.issuer.ca_file, environ={})
    assert len(raised.value.mistakes) >= 4
