"""nginx, HAProxy and Caddy end TLS in front of the authorization server and pass clients' certificates on."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from application_behind import process

from entryway.testing.authserver import BoundApplication, RunningAuthServer, running_authserver
from entryway.testing.serving import free_port

pytestmark = pytest.mark.proxies
DOCUMENT = Path(__file__).parents[2] / "docs" / "tokens.md"
END = "-----END CERTIFICATE-----\n"
FRAMES = {
    "nginx": """daemon off; pid nginx.pid; error_log stderr; events {{}}
http {{ access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u;
scgi_temp_path s; server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};
proxy_set_header host $http_host; {documented}
location / {{ proxy_pass {upstream}; }} }} }}
""",
    "haproxy": """defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend in
{documented}
  default_backend authorization
backend authorization
  server one {netloc} ssl verify required ca-file {ca}
""",
    "caddy": """{{
  admin off
}}
https://localhost:{port} {{
{documented}
}}
""",
}
COMMANDS = {
    "nginx": ["nginx", "-p", ".", "-c", "proxy.conf"],
    "haproxy": ["haproxy", "-db", "-f", "proxy.conf"],
    "caddy": ["caddy", "run", "--config", "proxy.conf", "--adapter", "caddyfile"],
}


@dataclass(frozen=True)
class Certified:
    """An application that proves itself by a certificate, in one file with its key."""

    server: RunningAuthServer
    bound: BoundApplication
    file: Path


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certified]:
    folder = tmp_path_factory.mktemp("certified")
    proxied = {"certificate_proxies": ("127.0.0.1", "::1"), "certificate_url": "https://cert.example.com"}
    with running_authserver(folder, **proxied) as server:
        bound = server.deploy({"xsappname": "certified", "oauth2-configuration": {"credential-types": ["x509"]}})
        file = folder / "client.pem"
        file.write_text(bound.credentials["certificate"] + bound.credentials["key"])
        yield Certified(server, bound, file)


def documented(kind: str, names: dict[str, object]) -> str:
    """Return what the documentation shows for a proxy, with the test's addresses and files in it."""
    block = re.search(rf"```{kind}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert block, kind
    return re.sub(r"<(\w+)>", lambda name: str(names[name[1]]), block[1])


def listening(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        else:
            return


@pytest.mark.parametrize("kind", list(COMMANDS))
def test_a_certificate_comes_through(certified: Certified, kind: str, tmp_path: Path) -> None:
    server, port = certified.server, free_port()
    files = server.authority.issue_server()
    both = tmp_path / "server.pem"
    both.write_text(files.certificate.read_text() + files.key.read_text())
    names = {"port": port, "certificate": files.certificate, "key": files.key, "certificate_and_key": both}
    names |= {"ca": server.ca_file, "upstream": server.url, "netloc": urlsplit(server.url).netloc}
    (tmp_path / "proxy.conf").write_text(FRAMES[kind].format(documented=documented(kind, names), **names))
    environment = {"PATH": f"{os.environ['PATH']}:/usr/sbin", "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}

    def asked(tls: ssl.SSLContext, headers: dict[str, str] | None = None) -> httpx.Response:
        form = {"grant_type": "client_credentials", "client_id": certified.bound.client_id}
        return httpx.post(f"https://localhost:{port}/oauth/token", data=form, headers=headers, verify=tls)

    with process(COMMANDS[kind], environment, tmp_path, kind) as running:
        listening(port, running, tmp_path / f"{kind}.err")
        stranger = ssl.create_default_context(cafile=server.ca_file)
        shown = ssl.create_default_context(cafile=server.ca_file)
        shown.load_cert_chain(certified.file)
        token = asked(shown).json()["access_token"]
        assert json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["cnf"]
        # What a client writes into the header itself never arrives.
        leaf = certified.bound.credentials["certificate"].partition(END)[0] + END
        for lie in ("", base64.b64encode(ssl.PEM_cert_to_DER_cert(leaf)).decode()):
            refused = asked(stranger, headers={"x-forwarded-client-cert": lie})
            assert (refused.status_code, refused.json()["error"]) == (401, "unauthorized")
