"""`entryway up` of an application that has certificates in the place of secrets: every part of it gets its tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
from collections.abc import Callable

import httpx
import pytest
from tiny_application import Application, Up

from entryway.landscape.running import client_token, environment_of
from entryway.security.token_client import TokenClient
from entryway.testing.authserver import Browser

Start = Callable[..., Up]


@pytest.fixture
def certified(application: Application) -> Application:
    """The tiny application, whose bindings have certificates and whose router logs users in."""
    security = json.loads((application.folder / "xs-security.json").read_text())
    security["oauth2-configuration"] = {
        "credential-types": ["x509"],
        "redirect-uris": [f"http://localhost:{application.ports['web']}/**"],
    }
    application.write_json("xs-security.json", security)
    routes = {"routes": [{"source": "^/srv/(.*)$", "target": "/$1", "destination": "srv"}]}
    application.write_json("web/xs-app.json", routes)
    application.change(
        "srv/server.py",
        '"environment": dict(os.environ)',
        '"environment": dict(os.environ), "headers": dict(self.headers)',
    )
    application.change("mta.yaml", 'name: srv, url: "~{url}"', 'name: srv, url: "~{url}", forwardAuthToken: true')
    return application


def thumbprint(credentials: dict[str, str]) -> str:
    leaf = credentials["certificate"].partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----"
    return base64.urlsafe_b64encode(hashlib.sha256(ssl.PEM_cert_to_DER_cert(leaf)).digest()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, object]:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def binding_of(application: Application, module: str) -> dict[str, str]:
    services = json.loads(environment_of(application.folder, module)["VCAP_SERVICES"])
    return services["xsuaa"][0]["credentials"]


def log_in(url: str, context: ssl.SSLContext) -> dict[str, str]:
    """Log in at the router as a browser does, and return what the backend was sent."""
    jar: dict[str, str] = {}

    def ask(target: str) -> httpx.Response:
        kept = "; ".join(f"{name}={value}" for name, value in jar.items())
        answer = httpx.get(target, headers={"cookie": kept, "accept": "text/html", "user-agent": "Mozilla/5.0"})
        # Cookies of a page on localhost are sent by browsers though they are for https alone; httpx would keep them.
        jar.update(re.findall(r"^([^=]+)=([^;]*)", cookie)[0] for cookie in answer.headers.get_list("set-cookie"))
        return answer

    page = ask(f"{url}/srv/orders").text
    jar.update(re.findall(r'document.cookie="(signature)=([^;]*);', page))
    jar.update(fragmentAfterLogin="", locationAfterLogin="%2Fsrv%2Forders")
    browser = Browser("https://localhost", context)
    form = browser.http.get(re.findall(r'location="(https[^"]+)"', page)[0])
    browser.http.base_url = httpx.URL(str(form.url)).join("/")
    back = browser.submit(form, "anna", "anna-demo").headers["location"]
    browser.http.close()
    assert ask(back).status_code == 302
    return {name.lower(): value for name, value in ask(f"{url}/srv/orders").json()["headers"].items()}


def test_an_application_without_secrets(certified: Application, up: Start) -> None:
    landscape = up()
    landscape.sees("ready after")
    ports = certified.ports
    context = ssl.create_default_context(cafile=str(certified.state / "ca" / "ca.pem"))

    own = {module: binding_of(certified, module) for module in ("web", "srv")}
    for credentials in own.values():
        assert "clientsecret" not in credentials
        assert credentials["certurl"] == f"https://localhost:{ports['certificates']}"
    with httpx.Client(verify=context, trust_env=False) as http:
        metadata = http.get(f"https://localhost:{ports['services']}/.well-known/openid-configuration").json()
    assert metadata["mtls_endpoint_aliases"]["token_endpoint"] == f"{own['srv']['certurl']}/oauth/token"

    # The command line, as the module.
    assert claims_of(client_token(certified.folder, "srv"))["cnf"] == {"x5t#S256": thumbprint(own["srv"])}

    # A backend, by our library.
    tls = ssl.create_default_context(cafile=str(certified.state / "ca" / "ca.pem"))
    file = certified.folder / "own.pem"
    file.write_text(own["srv"]["key"] + own["srv"]["certificate"])
    tls.load_cert_chain(file)
    got = TokenClient(own["srv"], tls=tls).client_credentials()
    assert claims_of(got.access_token)["cnf"] == {"x5t#S256": thumbprint(own["srv"])}

    # The router, when a user logs in.
    headers = log_in(f"http://localhost:{ports['web']}", context)
    token = headers["authorization"].removeprefix("Bearer ")
    assert claims_of(token)["user_name"] == "anna"
    assert claims_of(token)["cnf"] == {"x5t#S256": thumbprint(own["web"])}
    assert landscape.interrupt() == 0
