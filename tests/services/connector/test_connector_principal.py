"""A user's token becomes a certificate that the system believes, and nothing else does."""

import base64
import dataclasses
from pathlib import Path

import pytest
from cryptography import x509
from structlog.testing import capture_logs

from entryway.http import Request, Response
from entryway.testing.issuer import Issuer, new_key, running_issuer
from entryway.testing.onpremise import CONNECTIVITY_CLIENT, OnPremise, erp
from entryway.testing.upstream import Recorded


def certificate_in(seen: Recorded) -> x509.Certificate:
    return x509.load_der_x509_certificate(base64.b64decode(seen.headers.get(b"ssl_client_cert") or b""))


def user_in(seen: Recorded) -> str:
    return certificate_in(seen).subject.rfc4514_string()


async def test_the_system_answers_as_the_user(world: OnPremise) -> None:
    async with erp(world) as system:
        answer = await world.get("/orders?$top=1", user=world.issuer.token(user="alex"))

    assert (answer.status, answer.body) == (200, b'{"ok": true}')
    assert answer.code is None
    (seen,) = system.upstream.requests
    assert seen.target == "/orders?$top=1"
    assert user_in(seen) == "CN=alex"
    assert seen.headers.get(b"host") == f"localhost:{system.port}".encode()
    assert seen.headers.get(b"x-forwarded-host") == b"erp.virtual:443"
    ca = x509.load_pem_x509_certificate((world.config.parent / "principal-ca.pem").read_bytes())
    certificate_in(seen).verify_directly_issued_by(ca)
    # The connection itself is the connector's.
    connector = x509.load_der_x509_certificate(seen.certificate or b"")
    assert connector.subject.rfc4514_string().startswith("CN=entryway-connector-")


async def test_a_token_that_was_exchanged_for_the_users_needs_no_second_one(world: OnPremise) -> None:
    exchanged = world.issuer.token(user="alex", cid=CONNECTIVITY_CLIENT, client_id=CONNECTIVITY_CLIENT)
    async with erp(world) as system:
        answer = await world.get(proxy_authorization=f"Bearer {exchanged}")

    assert answer.status == 200
    assert user_in(system.upstream.requests[0]) == "CN=alex"


async def test_a_kept_connection_carries_no_identity_to_the_next_request(world: OnPremise) -> None:
    alex, kim = world.issuer.token(user="alex"), world.issuer.token(user="kim")
    async with erp(world) as system:
        for user in (alex, kim, None, alex):
            assert (await world.get(user=user)).status == 200

    seen = system.upstream.requests
    assert [user_in(seen[0]), user_in(seen[1]), user_in(seen[3])] == ["CN=alex", "CN=kim", "CN=alex"]
    # Empty, so that the system does not take the connection's certificate for the caller's.
    assert seen[2].headers.all(b"ssl_client_cert") == [b""]


async def test_a_certificate_is_used_again_and_issued_with_a_line_in_the_audit_log(world: OnPremise) -> None:
    token = world.issuer.token(user="alex", jti="the-jti")
    async with erp(world) as system:
        with capture_logs() as logs:
            for _ in range(3):
                await world.get(user=token)

    serials = {certificate_in(seen).serial_number for seen in system.upstream.requests}
    assert len(serials) == 1
    (line,) = [each for each in logs if each["event"] == "user_certificate_issued"]
    assert (line["jti"], line["subject"], line["serial"]) == ("the-jti", "CN=alex", f"{serials.pop():x}")
    assert token not in str(logs)


@pytest.mark.parametrize(
    "name", ["ssl_client_cert", "SSL-Client-Cert", "Ssl_Client-Cert", "ssl_client_verify", "x-forwarded-client-cert"]
)
@pytest.mark.parametrize("as_user", [True, False])
async def test_nobody_brings_a_certificate_of_their_own(world: OnPremise, name: str, *, as_user: bool) -> None:
    async with erp(world) as system:
        headers = {"proxy-authorization": f"Bearer {world.proxy_token}", name: "FORGED"}
        if as_user:
            headers["sap-connectivity-authentication"] = f"Bearer {world.issuer.token(user='alex')}"
        answer = await world.send("GET", "http://erp.virtual:443/", headers)

    assert answer.status == 200
    (seen,) = system.upstream.requests
    assert b"FORGED" not in [value for _, value in seen.headers]
    assert len(seen.headers.all(b"ssl_client_cert")) == 1


async def test_what_speaks_to_the_service_does_not_reach_the_system(world: OnPremise) -> None:
    async with erp(world) as system:
        await world.get(
            user=world.issuer.token(user="alex"),
            sap_connectivity_consumeraccount="x",
            entryway_tunnel_principal="forged",
            proxy_connection="keep-alive",
            x_app="kept",
        )

    (seen,) = system.upstream.requests
    names = {name for name, _ in seen.headers}
    assert not any(name.startswith((b"sap-connectivity", b"entryway-tunnel", b"proxy-")) for name in names)
    assert seen.headers.get(b"x-app") == b"kept"


async def test_a_principal_that_the_client_claims_by_the_tunnels_own_header_is_nobody(world: OnPremise) -> None:
    async with erp(world) as system:
        await world.get(entryway_tunnel_principal=world.issuer.token(user="mallory"))

    assert system.upstream.requests[0].headers.all(b"ssl_client_cert") == [b""]


@pytest.fixture
def stranger(tmp_path: Path) -> Issuer:
    with running_issuer(tmp_path / "stranger") as issuer:
        return issuer


async def refused(world: OnPremise, token: str) -> tuple[int, str | None, int]:
    async with erp(world) as system:
        answer = await world.get(user=token)
        return answer.status, answer.code, len(system.upstream.requests)


async def test_a_tampered_users_token_is_refused(world: OnPremise) -> None:
    head, _, signature = world.issuer.token(user="alex").split(".")
    forged = f"{head}.{world.issuer.token(user='boss').split('.')[1]}.{signature}"
    assert await refused(world, forged) == (401, "EW_PRINCIPAL_INVALID", 0)


async def test_a_users_token_signed_with_another_key_is_refused(world: OnPremise) -> None:
    key = dataclasses.replace(new_key(), kid=world.issuer.keys[0].kid)
    assert await refused(world, world.issuer.token(user="alex", key=key)) == (401, "EW_PRINCIPAL_INVALID", 0)


async def test_an_unsigned_users_token_is_refused(world: OnPremise) -> None:
    _, body, _ = world.issuer.token(user="alex").split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"x"}').decode().rstrip("=")
    assert await refused(world, f"{head}.{body}.x") == (401, "EW_PRINCIPAL_INVALID", 0)


async def test_an_expired_users_token_is_refused(world: OnPremise) -> None:
    expired = world.issuer.token(user="alex", lifetime=-1)
    assert await refused(world, expired) == (401, "EW_PRINCIPAL_INVALID", 0)


async def test_a_users_token_of_an_issuer_that_is_not_trusted_is_refused(world: OnPremise, stranger: Issuer) -> None:
    assert await refused(world, stranger.token(user="alex")) == (403, "EW_PRINCIPAL_UNTRUSTED", 0)


async def test_a_users_token_of_another_tenant_is_refused(world: OnPremise) -> None:
    token = world.issuer.token(user="alex", zid="99999999-0000-4000-8000-000000000000")
    assert await refused(world, token) == (403, "EW_PRINCIPAL_UNTRUSTED", 0)


async def test_two_principals_at_once_are_refused(world: OnPremise) -> None:
    async with erp(world) as system:
        answer = await world.get(
            user=world.issuer.token(user="alex"),
            sap_connectivity_technical_authentication=f"Bearer {world.issuer.token(user='kim')}",
        )
        assert (answer.status, answer.code, system.upstream.requests) == (401, "EW_PRINCIPAL_INVALID", [])


async def test_tolerance_lets_a_token_in_that_has_just_expired(world: OnPremise) -> None:
    async with erp(world, connect=False) as system:
        world.configure(**world.trust_users(expiration_tolerance_minutes=5))
        await world.connect()
        assert (await world.get(user=world.issuer.token(user="alex", lifetime=-60))).status == 200
        assert (await world.get(user=world.issuer.token(user="alex", lifetime=-600))).status == 401
    assert len(system.upstream.requests) == 1


async def test_no_principal_travels_where_the_system_did_not_ask_who_connects(world: OnPremise) -> None:
    async with erp(world, asks_for_certificate=False) as system:
        anonymous = await world.get("/public")
        answer = await world.get(user=world.issuer.token(user="alex"))

    assert anonymous.status == 200
    assert (answer.status, answer.code) == (502, "EW_NOT_MUTUAL_TLS")
    assert b"not mutually authenticated" in answer.body
    assert [seen.target for seen in system.upstream.requests] == ["/public"]


async def test_a_mapping_without_propagation_ignores_the_user(world: OnPremise) -> None:
    async with erp(world, authenticationMode="NONE") as system:
        answer = await world.get(user=world.issuer.token(user="alex"))

    assert answer.status == 200
    assert system.upstream.requests[0].headers.all(b"ssl_client_cert") == []


async def test_a_subject_that_the_token_cannot_fill_is_not_issued(world: OnPremise) -> None:
    async with erp(world, connect=False) as system:
        world.configure(**world.trust_users(subject_pattern="CN=${name},OU=${cost_center}"))
        await world.connect()
        refused_ = await world.get(user=world.issuer.token(user="alex"))
        with_attribute = world.issuer.token(user="alex", **{"xs.user.attributes": {"cost_center": ["4711"]}})
        accepted = await world.get(user=with_attribute)

    assert (refused_.status, refused_.code) == (502, "EW_PRINCIPAL_NOT_ISSUED")
    assert accepted.status == 200
    assert user_in(system.upstream.requests[0]) in {"OU=4711,CN=alex", "CN=alex,OU=4711"}


async def test_keys_that_cannot_be_fetched_are_the_issuers_failure(world: OnPremise) -> None:
    async with erp(world):
        assert (await world.get()).status == 200  # the proxy has its keys now
        world.issuer.failing = 500
        try:
            answer = await world.get(user=world.issuer.token(user="alex"))
        finally:
            world.issuer.failing = None

    assert (answer.status, answer.code) == (502, "EW_ISSUER_UNREACHABLE")


async def test_users_never_share_a_connection_to_the_system(world: OnPremise) -> None:
    connections: dict[str, set[int]] = {}

    async def remember(request: Request) -> Response:
        who = request.headers.text("ssl_client_cert") or "nobody"
        connections.setdefault(who, set()).add(request.peer.port)
        return Response(200)

    alex, kim = world.issuer.token(user="alex"), world.issuer.token(user="kim")
    async with erp(world, remember) as system:
        system.upstream.server.handler = remember
        for user in (alex, kim, None, alex, kim, None):
            assert (await world.get(user=user)).status == 200

    assert [len(ports) for ports in connections.values()] == [1, 1, 1]  # each is used again
    assert len(set().union(*connections.values())) == 3  # by nobody else
