"""Host names of a landscape: of its interfaces, of its tenants, and domains of a tenant's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest
from product_descriptor import products
from test_tenant_addresses_answers import deployed_in
from test_token_endpoint import claims

from entryway.testing.authserver import RunningAuthServer, running_authserver

CLOUD = "authentication.example.com"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    with running_authserver(tmp_path_factory.mktemp("cloud"), tenant_url=f"https://{{subdomain}}.{CLOUD}") as server:
        yield server


@pytest.fixture
def acme(cloud: RunningAuthServer) -> dict:
    body = {"subdomain": f"t{uuid.uuid4().hex[:10]}", "name": "Acme"}
    made = cloud.platform("POST", "/tenants", body)
    assert made.status_code == 201, made.text
    return made.json()


@pytest.fixture
def domain() -> str:
    return f"login.{uuid.uuid4().hex[:8]}.example"


Put = Callable[..., httpx.Response]


@pytest.fixture
def put(cloud: RunningAuthServer, acme: dict) -> Put:
    def asked(host: str, **body: object) -> httpx.Response:
        return cloud.platform("PUT", f"/tenants/{acme['id']}/domains/{host}", body)

    return asked


def keys_at(cloud: RunningAuthServer, host: str) -> httpx.Response:
    return cloud.http.get("/token_keys", headers={"host": host})


@pytest.mark.parametrize("label", ["api", "internal-xsuaa"])
def test_the_interfaces_of_the_landscape_have_hosts_at_which_the_token_names_the_tenant(
    cloud: RunningAuthServer, acme: dict, label: str
) -> None:
    client = deployed_in(cloud, acme["id"], products("orders"))
    assert client.credentials["apiurl"] == f"https://api.{CLOUD}"
    assert client.credentials["sburl"] == f"https://internal-xsuaa.{CLOUD}"
    here = {"host": f"{label}.{CLOUD}"}

    token = cloud.http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.secret},
        headers={"x-zid": acme["id"], **here},
    ).json()["access_token"]

    # Known as a token of that tenant, and lacking the scope: at a tenant's own host, it would be no token at all.
    refused = cloud.http.get("/Users", headers={"authorization": f"Bearer {token}", **here})
    assert refused.status_code == 403
    assert (
        cloud.http.get("/Users", headers={"authorization": f"Bearer {token}", "host": f"dev.{CLOUD}"}).status_code
        == 401
    )
    assert cloud.http.get("/healthz", headers=here).text == "ok"


def test_at_a_laptop_the_interfaces_are_at_the_one_host(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running_authserver(tmp_path_factory.mktemp("laptop"), tenant_url="{url}/t/{subdomain}") as server:
        credentials = server.deploy(products("orders")).credentials
        assert (credentials["apiurl"], credentials["sburl"]) == (server.url, server.url)


def test_a_tenant_answers_at_a_domain_of_its_own(cloud: RunningAuthServer, acme: dict, domain: str, put: Put) -> None:
    assert keys_at(cloud, domain).status_code == 404
    added = put(domain)
    assert (added.status_code, added.json()) == (201, {"host": domain, "main": False})

    for host in (domain, domain.upper(), f"{domain}:443", f"{domain}."):
        assert keys_at(cloud, host).json() == keys_at(cloud, f"{acme['subdomain']}.{CLOUD}").json()
    # Its issuer and its addresses stay where they were.
    document = cloud.http.get("/.well-known/openid-configuration", headers={"host": domain}).json()
    assert document["issuer"] == f"https://{acme['subdomain']}.{CLOUD}/oauth/token"

    path = f"/tenants/{acme['id']}/domains"
    assert cloud.platform("GET", path).json() == {"domains": [{"host": domain, "main": False}]}
    assert cloud.platform("DELETE", f"{path}/{domain}").status_code == 204
    assert keys_at(cloud, domain).status_code == 404
    gone = cloud.platform("DELETE", f"{path}/{domain}")
    assert (gone.status_code, gone.headers["entryway-error"]) == (404, "domain_unknown")


def test_the_main_domain_is_a_tenants_issuer(cloud: RunningAuthServer, acme: dict, domain: str, put: Put) -> None:
    client = deployed_in(cloud, acme["id"], products("orders"))
    assert put(domain, main=True).json() == {"host": domain, "main": True}
    port = cloud.url.rpartition(":")[2]
    issuer = f"https://{domain}:{port}/oauth/token"

    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.secret}
    for where in ({"host": domain}, {"host": f"{acme['subdomain']}.{CLOUD}"}, {"x-zid": acme["id"]}):
        token = cloud.http.post("/oauth/token", data=form, headers=where).json()["access_token"]
        said = claims(token)
        assert (said["iss"], said["zid"], said["ext_attr"]["zdn"]) == (issuer, acme["id"], acme["subdomain"])
        # Clients fetch the keys by the tenant's id from the landscape's host, whatever the issuer is.
        introspected = cloud.http.post("/introspect", data={"token": token, **form}, headers=where)
        assert introspected.json()["active"] is True
    assert cloud.http.get("/.well-known/openid-configuration", headers={"host": domain}).json()["issuer"] == issuer
    assert cloud.platform("GET", f"/tenants/{acme['id']}").json()["url"] == f"https://{domain}:{port}"

    assert put(domain, main=False).json()["main"] is False
    token = cloud.http.post("/oauth/token", data=form, headers={"host": domain}).json()["access_token"]
    assert claims(token)["iss"] == f"https://{acme['subdomain']}.{CLOUD}/oauth/token"


def test_a_browser_is_asked_to_log_in_at_the_domain(
    cloud: RunningAuthServer, acme: dict, domain: str, put: Put
) -> None:
    put(domain)
    client = deployed_in(cloud, acme["id"], products("orders"))
    visitor = cloud.browser()
    visitor.http.headers["host"] = domain
    assert visitor.authorize(client).status_code == 200
    visitor.http.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 400),
        ("10.0.0.1", 400),
        ("::1", 400),
        ("acme..example", 400),
        ("-acme.example", 400),
        ("acme.example:8443", 400),
        ("acme_x.example", 400),
        ("a" * 64 + ".example", 400),
        ("a." * 130 + "example", 400),
        ("münchen.example", 400),
        (f"shop.{CLOUD}", 409),
        (f"a.b.{CLOUD}", 409),
        (CLOUD, 409),
    ],
)
def test_what_is_no_domain_of_a_tenants_own(put: Put, host: str, status: int) -> None:
    assert put(host).status_code == status


def test_a_domain_is_one_tenants(cloud: RunningAuthServer, acme: dict, domain: str, put: Put) -> None:
    put(domain, main=True)
    other = cloud.platform("POST", "/tenants", {"subdomain": f"t{uuid.uuid4().hex[:10]}", "name": "Bolt"}).json()
    taken = cloud.platform("PUT", f"/tenants/{other['id']}/domains/{domain.upper()}", {"main": True})
    assert taken.status_code == 409
    assert cloud.platform("DELETE", f"/tenants/{other['id']}/domains/{domain}").status_code == 404
    assert cloud.platform("GET", f"/tenants/{other['id']}").json()["url"] == f"https://{other['subdomain']}.{CLOUD}"

    assert cloud.platform("DELETE", f"/tenants/{acme['id']}").status_code == 204
    assert keys_at(cloud, domain).status_code == 404
    # Whose tenant is gone is free again.
    assert cloud.platform("PUT", f"/tenants/{other['id']}/domains/{domain}").status_code == 201


def test_domains_are_for_the_platform_and_unknown_words_are_refused(
    cloud: RunningAuthServer, acme: dict, domain: str, put: Put
) -> None:
    assert cloud.http.get(f"/entryway/v1/tenants/{acme['id']}/domains").status_code == 401
    assert put(domain, primary=True).status_code == 400
    assert put(domain, main="yes").status_code == 400
    nobody = f"/tenants/{uuid.uuid4()}/domains"
    assert cloud.platform("GET", nobody).status_code == 404
    assert cloud.platform("PUT", f"{nobody}/{domain}").status_code == 404
