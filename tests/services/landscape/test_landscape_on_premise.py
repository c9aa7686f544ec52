"""`entryway up` with a system on premise: a process that believes the connector alone, reached as the user."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from tiny_application import Application, Up, entryway

SYSTEM = """
import http.server, json, os, ssl

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        names = [name for part in self.connection.getpeercert()["subject"] for name in part]
        subject = ", ".join(f"{key}={value}" for key, value in names)
        body = json.dumps({"path": self.path, "host": self.headers["host"], "connector": subject,
                           "user": self.headers.get("ssl_client_cert"),
                           "environment": {name: value for name, value in os.environ.items()}}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["ENTRYWAY_TLS_CERTIFICATE"], os.environ["ENTRYWAY_TLS_KEY"])
context.load_verify_locations(os.environ["ENTRYWAY_CONNECTOR_CA"])
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("the system listens")
server.serve_forever()
"""


@pytest.fixture
def company(application: Application) -> Application:
    (application.folder / "erp").mkdir()
    application.write("erp/system.py", SYSTEM)
    application.change(
        "mta.yaml",
        "    requires: [{name: tiny-uaa}]\n",
        "    requires: [{name: tiny-uaa}, {name: tiny-conn}]\n",
    )
    mta = (application.folder / "mta.yaml").read_text()
    connectivity = (
        "  - name: tiny-conn\n"
        "    type: org.cloudfoundry.managed-service\n"
        "    parameters: {service: connectivity, service-plan: lite}\n"
    )
    application.write("mta.yaml", mta + connectivity)
    application.landscape["on-premise"] = {
        "systems": [
            {
                "name": "erp",
                "virtual": "erp.company:443",
                "internal": f"https://127.0.0.1:{application.ports['system']}",
                "principal": "x509",
                "resources": [{"path": "/open/"}],
                "process": {"path": "erp", "command": "python system.py", "properties": {"CLIENT": "001"}},
            }
        ]
    }
    application.write_json("entryway.yaml", application.landscape)
    return application


def through_the_tunnel(application: Application, path: str) -> httpx.Response:
    """Ask the system for a path, as anna."""
    folder = str(application.folder)
    environment = json.loads(entryway("env", "srv", "--dir", folder).stdout)
    [connectivity] = environment["VCAP_SERVICES"]["connectivity"]
    credentials = connectivity["credentials"]
    context = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
    with httpx.Client(verify=context, trust_env=False) as http:
        token = http.post(
            f"{credentials['token_service_url'].removesuffix('/oauth/token')}/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": credentials["clientid"],
                "client_secret": credentials["clientsecret"],
            },
        ).json()["access_token"]
    user = entryway("token", "--user", "anna", "--app", "srv", "--dir", folder).stdout.strip()
    proxy = httpx.Proxy(
        f"http://{credentials['onpremise_proxy_host']}:{credentials['onpremise_proxy_http_port']}",
        headers={"proxy-authorization": f"Bearer {token}"},
    )
    with httpx.Client(proxy=proxy, trust_env=False) as http:
        return http.get(f"http://erp.company:443{path}", headers={"SAP-Connectivity-Authentication": f"Bearer {user}"})


def test_a_system_on_premise_is_reached_as_the_user(company: Application, up: Callable[..., Up]):
    landscape = up()
    landscape.sees("ready after")
    assert "pairing the connector" in landscape.text

    answer = through_the_tunnel(company, "/open/orders?x=1")
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert (seen["path"], seen["host"]) == ("/open/orders?x=1", "erp.company:443")
    certificate = x509.load_der_x509_certificate(base64.b64decode(seen["user"]))
    assert certificate.subject.rfc4514_string() == "CN=anna"
    environment = seen["environment"]
    assert environment["CLIENT"] == "001"
    assert "VCAP_SERVICES" not in environment

    # The anchors that the process was given are those of the certificates that arrived.
    authority = x509.load_pem_x509_certificate(Path(environment["ENTRYWAY_USER_CA"]).read_bytes())
    certificate.verify_directly_issued_by(authority)
    assert environment["ENTRYWAY_CONNECTOR_SUBJECT"] == seen["connector"].replace("commonName=", "CN=")

    # What is not exposed is refused, and nobody but the connector is let in.
    assert through_the_tunnel(company, "/closed").status_code == 403
    context = ssl.create_default_context(cafile=str(company.state / "ca" / "ca.pem"))
    with httpx.Client(verify=context, trust_env=False) as http, pytest.raises(httpx.TransportError):
        http.get(f"https://127.0.0.1:{company.ports['system']}/open/orders")
    assert landscape.interrupt() == 0

    # The next start keeps the pairing.
    again = up()
    again.sees("ready after")
    assert "pairing the connector" not in again.text
    assert through_the_tunnel(company, "/open/").status_code == 200
    assert again.interrupt() == 0


def test_a_connector_that_was_revoked_is_replaced_at_the_next_start(company: Application, up: Callable[..., Up]):
    first, state = up(), ("--state", str(company.state))
    first.sees("ready after")
    [connector] = json.loads(entryway("connector", "list", "--json", *state).stdout)
    assert entryway("connector", "revoke", connector["connector_id"], *state).returncode == 0
    first.sees("connector_revoked")
    assert through_the_tunnel(company, "/open/").status_code == 503
    first.interrupt()

    second = up()
    second.sees("ready after")

    assert "pairing the connector" in second.text
    assert through_the_tunnel(company, "/open/").status_code == 200
    shown = entryway("connector", "list", *state).stdout.splitlines()
    assert [line.split()[0] for line in shown if "revoked" in line] == [connector["connector_id"]]
    assert entryway("connector", "revoke", "nobody", *state).returncode == 1
    assert second.interrupt() == 0
