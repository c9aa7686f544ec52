"""Certificates of the bindings: towards token endpoints, and towards backends that want to see who forwards."""

import ssl

import pytest
from router_identity import running_identity_server
from router_neighbours import ZONE, until

from entryway.router.configuration import line_of
from entryway.testing.authority import TestAuthority
from entryway.testing.upstream import recording_upstream


@pytest.fixture
def authority(tmp_path):
    return TestAuthority.create(tmp_path / "ca")


@pytest.fixture
def mutual(authority):
    context = authority.server_context()
    context.load_verify_locations(authority.ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


@pytest.fixture
def client(authority):
    files = authority.issue_client("router")
    text = files.certificate.read_text()
    return {"certificate": text, "key": files.key.read_text()}, ssl.PEM_cert_to_DER_cert(text)


async def certified(world, authority, mutual, credentials, *routes, **more):
    """Start with a UAA that takes certificates beside the one that browsers see, and two destinations at one server."""
    tokens = await world.stack.enter_async_context(recording_upstream(world.uaa.handle, ssl=mutual))
    backend = await world.stack.enter_async_context(recording_upstream(ssl=mutual))
    binding = world.uaa.credentials(**({"clientsecret": None, "certurl": tokens.url} | credentials))
    destinations = [
        {"name": "m", "url": backend.url, "forwardAuthCertificates": True},
        {"name": "n", "url": backend.url},
        {"name": "p", "url": world.backend.url, "forwardAuthCertificates": True},
    ]
    uaa = {"name": "uaa", "label": "xsuaa", "tags": ["xsuaa"], "credentials": binding}
    env = {
        "VCAP_SERVICES": {"xsuaa": [uaa]},
        "destinations": destinations,
        "NODE_EXTRA_CA_CERTS": str(authority.ca_file),
    }
    usual = [{"source": f"^/{name}/", "destination": name} for name in "mnp"]
    public = {"source": "^/public/", "destination": "m", "authenticationType": "none"}
    browser = await world.start(*(routes or (*usual, public)), bound=False, env=env | more.pop("env", {}), **more)
    return browser, tokens, backend


@pytest.mark.parametrize("secret", [None, "a-secret-besides"])
async def test_the_code_is_redeemed_with_the_certificate_alone(world, authority, mutual, client, secret):
    credentials, der = client
    browser, tokens, _ = await certified(world, authority, mutual, credentials | {"clientsecret": secret})
    url = await browser.begin_login("/m/x")
    assert url.startswith(f"{world.uaa.url}/oauth/authorize?")
    await browser.come_back(url)
    (asked,) = tokens.requests
    assert (asked.target, asked.certificate) == ("/oauth/token", der)
    (form,) = world.uaa.grants("authorization_code")
    assert form["client_id"] == "sb-shop!t1"
    assert "client_secret" not in form
    assert "header:authorization" not in form
    assert (await browser.get("/do/logout")).headers["location"] == f"{world.uaa.url}/logout.do"


async def test_the_token_is_renewed_with_the_certificate_alone(world, authority, mutual, client):
    credentials, der = client
    browser, tokens, _ = await certified(world, authority, mutual, credentials)
    world.uaa.expires_in = 600
    await browser.log_in("/m/x")
    world.clock.now += 301
    await browser.get("/m/x")
    await until(lambda: world.uaa.grants("refresh_token"))
    (form,) = world.uaa.grants("refresh_token")
    assert (form["client_id"], form["app_tid"]) == ("sb-shop!t1", "")
    assert "header:authorization" not in form
    assert tokens.requests[-1].certificate == der


async def test_without_certurl_the_certificate_is_shown_at_url(world, authority, mutual, client):
    credentials, der = client
    tokens = await world.stack.enter_async_context(recording_upstream(world.uaa.handle, ssl=mutual))
    browser, _, _ = await certified(
        world, authority, mutual, credentials | {"certurl": None, "url": tokens.url},
        {"source": "^/private/", "destination": "n"},
    )  # fmt: skip
    url = await browser.begin_login()
    assert url.startswith(f"{tokens.url}/oauth/authorize?")
    await browser.come_back(url.replace(tokens.url, world.uaa.url))
    assert tokens.requests[-1].certificate == der


@pytest.mark.parametrize(("path", "shown"), [("/m/x", True), ("/public/x", True), ("/n/x", False)])
async def test_a_backend_sees_the_certificate_if_it_wants_to(  # noqa: PLR0917 - what pytest hands in
    world, authority, mutual, client, path, shown
):
    credentials, der = client
    browser, _, backend = await certified(world, authority, mutual, credentials)
    await browser.log_in("/m/x")
    assert (await browser.get(path)).status_code == 200
    assert (backend.requests[-1].certificate == der) is shown


async def test_nothing_is_proved_for_somebody_who_has_not_logged_in(world, authority, mutual, client):
    credentials, _ = client
    browser, _, backend = await certified(world, authority, mutual, credentials)
    await browser.log_in("/m/x")
    await browser.get("/public/x")
    stranger = await world.browser()
    assert (await stranger.get("/public/x")).status_code == 200
    assert backend.requests[-1].certificate is None


async def test_a_backend_without_tls_is_asked_without(world, authority, mutual, client):
    credentials, _ = client
    browser, _, _ = await certified(world, authority, mutual, credentials)
    await browser.log_in("/p/x")
    assert (await browser.get("/p/x")).status_code == 200


async def test_the_start_warns_where_there_is_no_certificate(world):
    from entryway.router.configuration import read_configuration  # noqa: PLC0415

    await world.start(destination={"forwardAuthCertificates": True, "url": "https://127.0.0.1:1"})
    destination = '[{"name": "b", "url": "https://127.0.0.1:1", "forwardAuthCertificates": true}]'
    warnings = read_configuration(world.folder, {"destinations": destination}).warnings
    assert any(
        "Destination b is configured to forward authentication certificates, but no bound" in line_of(warning)
        for warning in warnings
    )


async def test_the_identity_service_takes_a_certificate_too(world, authority, mutual, client):
    credentials, der = client
    async with running_identity_server(world.clock) as identity:
        tokens = await world.stack.enter_async_context(recording_upstream(identity.handle, ssl=mutual))
        identity.url = tokens.url
        backend = await world.stack.enter_async_context(recording_upstream(ssl=mutual))
        key = credentials["key"]
        binding = identity.credentials(clientsecret=None, certificate=credentials["certificate"])
        browser = await world.start(
            bound=False,
            destination={"url": backend.url, "forwardAuthCertificates": True},
            env={
                "VCAP_SERVICES": {"identity": [{"name": "ids", "label": "identity", "credentials": binding}]},
                "IAS_PRIVATE_KEY": key,
                "NODE_EXTRA_CA_CERTS": str(authority.ca_file),
            },
        )
        url = await browser.begin_login()
        code = "identity-code-0"
        identity.codes[code] = dict(pair.split("=") for pair in url.partition("?")[2].split("&"))
        done = await browser.page(f"/login/callback?code={code}&state={identity.codes[code]['state']}")
        assert done.status_code == 302
        (form,) = identity.grants("authorization_code")
        assert "client_secret" not in form
        assert "header:authorization" not in form
        assert tokens.requests[-1].certificate == der
        await browser.get("/private/x")
        assert backend.requests[-1].certificate == der


async def test_a_service_with_the_grant_type_mtls_sees_the_certificate_and_the_tenant(world, authority, mutual, client):
    credentials, der = client
    service = await world.stack.enter_async_context(recording_upstream(ssl=mutual))
    bound = {
        "sap.cloud.service": "meters",
        "endpoints": {"api": service.url},
        "grant_type": "mtls",
        "cert": credentials["certificate"],
        "key": credentials["key"],
    }
    api = {"target": "/$1", "service": "meters", "endpoint": "api"}
    browser = await world.start(
        {"source": "^/meters/(.*)$", **api},
        {"source": "^/open/(.*)$", "authenticationType": "none", **api},
        services={"meters": bound},
        env={"NODE_EXTRA_CA_CERTS": str(authority.ca_file)},
    )
    forged = {"x_tenant_id": "forged", "authorization": "Bearer own"}
    assert (await browser.get("/open/x", **forged)).status_code == 200
    await browser.log_in("/meters/x")
    assert (await browser.get("/meters/y", **forged)).status_code == 200
    without, beside = service.requests
    assert (without.certificate, beside.certificate) == (der, der)
    assert without.headers.text("x-tenant-id") is None
    assert beside.headers.text("x-tenant-id") == ZONE
    assert (without.headers.text("authorization"), beside.headers.text("authorization")) == ("Bearer own", None)
    assert world.uaa.grants("jwt-bearer") == []
