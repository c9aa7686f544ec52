"""The unmodified SAP Cloud SDK for JavaScript finds destinations here as it would anywhere."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from entryway.clients.http import new_http
from entryway.clients.platform import PlatformClient
from entryway.config.bindings import service_binding, vcap_services
from entryway.testing.control_plane import PLATFORM_SECRET, running_control_plane
from entryway.testing.npm import install

pytestmark = pytest.mark.interop
SDK = Path(__file__).parent / "cloud_sdk"
XS_SECURITY = {
    "xsappname": "products",
    "scopes": [{"name": "$XSAPPNAME.Display"}],
    "role-templates": [{"name": "Viewer", "scope-references": ["$XSAPPNAME.Display"]}],
    "role-collections": [{"name": "Viewers", "role-template-references": ["$XSAPPNAME.Viewer"]}],
}
HTTP = {"Type": "HTTP", "URL": "https://erp.example.com", "ProxyType": "Internet"}


def claims(token: str) -> dict:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture(scope="module")
def node_modules() -> None:
    install(SDK, "@sap-cloud-sdk/connectivity")


@pytest.fixture
async def application(tmp_path):
    """Its environment, and the token of a user who is logged in."""
    with running_control_plane(tmp_path) as services:
        async with new_http(services.tls) as http:
            platform = PlatformClient(http, services.uaa_url, PLATFORM_SECRET, broker_url=services.broker_url)
            await platform.provision("the-uaa", "xsuaa", "application", XS_SECURITY)
            uaa = await platform.bind("the-uaa", "xsuaa", "application", "b")
            await platform.provision("the-destination", "destination", "lite", destinations(uaa))
            destination = await platform.bind("the-destination", "destination", "lite", "b")
            await platform.provision("the-connectivity", "connectivity", "lite")
            connectivity = await platform.bind("the-connectivity", "connectivity", "lite", "b")
            await platform.put_user(
                "kim",
                password="correct horse battery",
                given_name="Kim",
                family_name="Example",
                email="kim@example.com",
                role_collections=["Viewers"],
            )
            user = (await platform.user_token("the-uaa", "kim")).access_token
        bindings = [
            service_binding("xsuaa", "application", "uaa", uaa),
            service_binding("destination", "lite", "destination", destination),
            service_binding("connectivity", "lite", "connectivity", connectivity),
        ]
        environ = {
            "PATH": os.environ["PATH"],
            "VCAP_SERVICES": json.dumps(vcap_services(bindings)),
            "NODE_EXTRA_CA_CERTS": str(services.authority.ca_file),
        }
        yield environ, user


def destinations(uaa: dict) -> dict:
    client = {
        "clientId": uaa["clientid"],
        "clientSecret": uaa["clientsecret"],
        "tokenServiceURL": f"{uaa['url']}/oauth/token",
    }
    own = [
        HTTP | {"Name": "plain", "Authentication": "NoAuthentication"},
        HTTP | {"Name": "basic", "Authentication": "BasicAuthentication", "User": "u", "Password": "p"},
        HTTP | client | {"Name": "credentials", "Authentication": "OAuth2ClientCredentials"},
        HTTP | client | {"Name": "wrong", "Authentication": "OAuth2ClientCredentials", "clientSecret": "wrong"},
        HTTP | client | {"Name": "exchange", "Authentication": "OAuth2UserTokenExchange"},
        HTTP | client | {"Name": "bearer", "Authentication": "OAuth2JWTBearer"},
        HTTP
        | {
            "Name": "onpremise",
            "ProxyType": "OnPremise",
            "Authentication": "PrincipalPropagation",
            "URL": "http://erp:44300",
        },
    ]
    shared = [HTTP | {"Name": "shared", "Authentication": "NoAuthentication"}]
    return {"init_data": {"instance": {"destinations": own}, "subaccount": {"destinations": shared}}}


def find(environ: dict[str, str], *asked: tuple[str, dict]) -> list[dict]:
    node = shutil.which("node")
    assert node, "node is missing: `make test` installs it"
    command = [node, "find.cjs", json.dumps(asked)]
    ran = subprocess.run(command, cwd=SDK, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith(('{"found"', '{"error"'))]


def test_every_authentication_that_is_offered(node_modules, application):
    environ, user = application
    jwt = {"jwt": user}

    plain, shared, nowhere, basic, credentials, wrong, exchange, bearer, onpremise, nobody = find(
        environ,
        ("plain", {}),
        ("shared", jwt),
        ("nowhere", {}),
        ("basic", {}),
        ("credentials", {}),
        ("wrong", {}),
        ("exchange", jwt),
        ("bearer", jwt),
        ("onpremise", jwt),
        ("exchange", {}),
    )

    assert plain["found"]["url"] == shared["found"]["url"] == "https://erp.example.com"
    assert nowhere["found"] is None
    assert (basic["found"]["username"], basic["found"]["password"]) == ("u", "p")
    technical = claims(credentials["found"]["authTokens"][0]["value"])
    assert (technical["grant_type"], technical["cid"]) == ("client_credentials", "sb-products!t1")
    assert "error" in wrong or wrong["found"]["authTokens"][0]["error"]
    for found in (exchange, bearer):
        users = claims(found["found"]["authTokens"][0]["value"])
        assert (users["user_name"], "products!t1.Display" in users["scope"]) == ("kim", True)
    proxy = onpremise["found"]["proxyConfiguration"]
    assert (proxy["host"], proxy["port"]) == ("proxy.example.com", "20003")
    assert claims(proxy["headers"]["Proxy-Authorization"])["cid"].endswith("|connectivity!b1")
    assert proxy["headers"]["SAP-Connectivity-Authentication"] == f"Bearer {user}"
    assert "user token" in nobody["error"].lower()
