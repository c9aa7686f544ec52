"""Every door of the demo, tried without the browser and with the wrong key."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from demo_landscape import Landscape
from playwright.async_api import expect
from products_page import ProductsPage

PRICE = {"price": "1.00"}
AJAX = {"X-Requested-With": "XMLHttpRequest"}


def forged_certificate(common_name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Return a certificate that says the right name and was signed by nobody who matters."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
    )
    return builder.sign(key, hashes.SHA256()), key


def header_of(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


@pytest.fixture
def backend(demo: Landscape) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo.backend_url, trust_env=False) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="session")
def tokens(demo: Landscape) -> dict[str, str]:
    """Real tokens of both users, as the command line gives them."""
    return {user: demo.entryway("token", "--user", user, "--app", "products-router") for user in ("alice", "bob")}


def on_premise(demo: Landscape, client_certificate: tuple[Path, Path] | None) -> httpx.Response:
    context = ssl.create_default_context(cafile=str(demo.ca))
    if client_certificate is not None:
        context.load_cert_chain(*client_certificate)
    with httpx.Client(verify=context, trust_env=False) as client:
        certificate, _ = forged_certificate("alice")
        return client.get(demo.on_premise_url, headers={"SSL_CLIENT_CERT": header_of(certificate)})


def test_the_system_on_premise_turns_strangers_away(demo: Landscape) -> None:
    with pytest.raises(httpx.TransportError):
        on_premise(demo, None)


def test_the_system_on_premise_turns_a_self_made_connector_away(demo: Landscape, tmp_path: Path) -> None:
    certificate, key = forged_certificate("entryway connector")
    (tmp_path / "c.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "c.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(httpx.TransportError):
        on_premise(demo, (tmp_path / "c.pem", tmp_path / "c.key"))


def test_the_system_on_premise_turns_other_certificates_of_the_landscape_away(demo: Landscape) -> None:
    with pytest.raises(httpx.TransportError):
        on_premise(demo, (demo.state / "tls" / "server.pem", demo.state / "tls" / "server.key"))


def test_the_backend_believes_a_real_token(tokens: dict[str, str], backend: httpx.Client) -> None:
    answer = backend.get("/api/me", headers=bearer(tokens["bob"]))

    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["scopes"]) == ("bob", ["Display"])


def test_the_backend_refuses_whoever_has_no_token(backend: httpx.Client) -> None:
    for headers in ({}, {"Authorization": "Basic YWxpY2U6YWxpY2UtZWRpdHM="}, {"Authorization": "Bearer"}):
        assert backend.get("/api/me", headers=headers).status_code == 401
        assert backend.patch("/api/products/HT-1000/price", headers=headers, json=PRICE).status_code == 401


def test_the_backend_refuses_a_token_that_somebody_touched(tokens: dict[str, str], backend: httpx.Client) -> None:
    head, claims, signature = tokens["bob"].split(".")
    other = tokens["alice"].split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    flipped = signature[:20] + ("A" if signature[20] != "A" else "B") + signature[21:]
    for token in (
        f"{head}.{other[1]}.{signature}",
        f"{head}.{claims}.{flipped}",
        f"{head}.{claims}.",
        f"{unsigned}.{claims}.",
        f"{unsigned}.{other[1]}.{signature}",
        "eyJ.eyJ.eyJ",
    ):
        answer = backend.get("/api/me", headers=bearer(token))

        assert answer.status_code == 401, token
        assert "alice" not in answer.text
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_the_backend_refuses_who_may_only_look(tokens: dict[str, str], backend: httpx.Client) -> None:
    headers = bearer(tokens["bob"]) | {"If-Match": '"1"'}

    assert backend.patch("/api/products/HT-1000/price", headers=headers, json=PRICE).status_code == 403


def test_the_backend_refuses_the_application_itself_where_a_user_is_needed(
    demo: Landscape, backend: httpx.Client
) -> None:
    token = demo.entryway("token", "--client", "--app", "products-router")

    answer = backend.patch("/api/products/HT-1000/price", headers=bearer(token) | {"If-Match": '"1"'}, json=PRICE)

    assert answer.status_code == 403


PRICE_OF_ONE = "/api/products/HT-1000/price"


@pytest.mark.parametrize(
    ("path", "change", "status"),
    [
        (PRICE_OF_ONE, {"json": {"price": "-1"}}, 422),
        (PRICE_OF_ONE, {"json": {"price": "1.234"}}, 422),
        (PRICE_OF_ONE, {"json": {"price": "1000000"}}, 422),
        (PRICE_OF_ONE, {"json": {"price": "NaN"}}, 422),
        (PRICE_OF_ONE, {"json": {"price": "1", "name": "x"}}, 422),
        (PRICE_OF_ONE, {"json": []}, 422),
        (PRICE_OF_ONE, {"content": b"{", "headers": {"Content-Type": "application/json"}}, 422),
        ("/api/products/HT-1000')%2f/price", {"json": PRICE}, 404),
        ("/api/products/HT_1000/price", {"json": PRICE}, 422),
        ("/api/products/HT-9999/price", {"json": PRICE}, 404),
        (PRICE_OF_ONE, {"json": PRICE, "headers": {"If-Match": "no etag"}}, 422),
        (PRICE_OF_ONE, {"json": PRICE}, 412),
    ],
)
def test_the_backend_answers_bad_input_with_what_is_wrong(
    tokens: dict[str, str], backend: httpx.Client, path: str, change: dict[str, Any], status: int
) -> None:
    headers = bearer(tokens["alice"]) | {"If-Match": '"not-the-present-one"'} | change.get("headers", {})

    answer = backend.patch(path, **change | {"headers": headers})

    assert answer.status_code == status, answer.text


def test_the_router_starts_a_login_for_pages_and_refuses_scripts(demo: Landscape, tokens: dict[str, str]) -> None:
    with httpx.Client(base_url=demo.url, trust_env=False) as stranger:
        page = stranger.get("/index.html", headers={"Accept": "text/html", "User-Agent": "Mozilla/5.0"})
        assert page.status_code == 200
        assert f"{demo.login_origin}/oauth/authorize" in page.text
        assert "sap-ui" not in page.text
        for path in (
            "/index.html",
            "/api/me",
            "/odata/ProductSet",
            "/user-api/currentUser",
            "/resources/sap-ui-custom.js",
        ):
            assert stranger.get(path, headers=AJAX).status_code == 401, path
            assert stranger.patch(path).status_code in {401, 405}, path
        assert stranger.get("/api/me", headers=AJAX | bearer(tokens["alice"])).status_code == 401
        assert stranger.get("/public/logged-out.html").status_code == 200


@pytest.mark.browser
async def test_nobody_becomes_somebody_else_by_headers(
    products: ProductsPage, demo: Landscape, tokens: dict[str, str]
) -> None:
    await products.log_in("bob")
    certificate, _ = forged_certificate("alice")
    alice = tokens["alice"]
    for forged in (
        {"SSL_CLIENT_CERT": header_of(certificate)},
        {"ssl-client-cert": header_of(certificate)},
        {"SAP-Connectivity-Authentication": f"Bearer {alice}"},
        {"Proxy-Authorization": f"Bearer {alice}"},
        {"Authorization": f"Bearer {alice}"},
        {"x-approuter-user": "alice", "X-Forwarded-User": "alice"},
    ):
        answer = await products.page.context.request.get(f"{demo.url}/odata/WhoAmISet", headers=AJAX | forged)

        # Either the header is dropped and bob stays bob, or the request is refused: never alice.
        if answer.ok:
            assert (await answer.json())["d"]["results"][0]["User"] == "bob", forged
        else:
            assert answer.status in {400, 401, 403}, forged
            assert "alice" not in await answer.text(), forged


@pytest.mark.browser
async def test_the_router_wants_its_csrf_token_for_a_change(products: ProductsPage, demo: Landscape) -> None:
    await products.log_in("alice")
    for headers in ({}, {"X-CSRF-Token": "guess"}, {"X-CSRF-Token": "Fetch"}):
        answer = await products.page.context.request.patch(
            f"{demo.url}/api/products/HT-1006/price", headers=AJAX | {"If-Match": "*"} | headers, data=PRICE
        )

        assert answer.status == 403, headers
        assert answer.headers["x-csrf-token"] == "Required"
    await products.page.reload()
    await products.shows_price("HT-1006", "399.00")


@pytest.mark.browser
async def test_a_viewer_who_goes_straight_to_the_system_on_premise_is_refused_there(
    products: ProductsPage, demo: Landscape
) -> None:
    await products.log_in("bob")
    request = products.page.context.request
    fetched = await request.get(f"{demo.url}/odata/", headers=AJAX | {"X-CSRF-Token": "Fetch"})
    token = {"X-CSRF-Token": fetched.headers["x-csrf-token"]}

    answer = await request.fetch(
        f"{demo.url}/odata/ProductSet('HT-1007')",
        method="PUT",
        headers=AJAX | token | {"If-Match": "*"},
        data={"Price": "1.00"},
    )

    assert answer.status == 403
    assert "bob may not change prices" in await answer.text()
    await products.page.reload()
    await expect(products.row("HT-1007")).to_contain_text("329.00")
