"""What a token costs where clients show certificates, beside the port where they send secrets.

python benchmarks/client_certificates.py [--tokens 400] [--rounds 2]

Runs `entryway services` as people do, binds an application by secret and by certificate, and asks for tokens of the
client itself on one connection that is kept, and on a new one for each token. CPU time is the server process's alone.
"""

from __future__ import annotations

import argparse
import http.client
import json
import ssl
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx

from measure import cpu_seconds, free_port, process

DESCRIPTOR = {"xsappname": "shop", "oauth2-configuration": {"credential-types": ["binding-secret", "x509"]}}


@dataclass(frozen=True)
class Client:
    """Who asks, and where."""

    port: int
    tls: ssl.SSLContext
    form: dict[str, str]

    def kept(self, tokens: int) -> None:
        connection = self._connected()
        for _ in range(tokens):
            self._ask(connection)
        connection.close()

    def new_each_time(self, tokens: int) -> None:
        for _ in range(tokens):
            connection = self._connected()
            self._ask(connection)
            connection.close()

    def _connected(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.port, context=self.tls, timeout=30)

    def _ask(self, connection: http.client.HTTPSConnection) -> None:
        body = urlencode({"grant_type": "client_credentials", **self.form})
        connection.request("POST", "/oauth/token", body, {"content-type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(content.decode())


def clients(state: Path, port: int, certificate_port: int) -> dict[str, Client]:
    tls = ssl.create_default_context(cafile=str(state / "ca" / "ca.pem"))
    with httpx.Client(base_url=f"https://localhost:{port}", verify=tls, timeout=30) as platform:
        secret = json.loads((state / "secrets.json").read_text())["platform_client_secret"]
        form = {"grant_type": "client_credentials", "client_id": "entryway-platform", "client_secret": secret}
        token = platform.post("/oauth/token", data=form).json()["access_token"]

        def put(path: str, body: dict) -> dict:
            headers = {"authorization": f"Bearer {token}"}
            return platform.put(f"/entryway/v1/applications/shop{path}", json=body, headers=headers).json()

        put("", {"plan": "application", "xs_security": DESCRIPTOR})
        by_secret = put("/bindings/secret", {})
        by_certificate = put("/bindings/certificate", {"parameters": {"credential-type": "x509"}})
    showing = ssl.create_default_context(cafile=str(state / "ca" / "ca.pem"))
    file = state / "client.pem"
    file.write_text(by_certificate["certificate"] + by_certificate["key"])
    showing.load_cert_chain(file)
    named = {"client_id": by_secret["clientid"]}
    return {
        "secret, main port": Client(port, tls, named | {"client_secret": by_secret["clientsecret"]}),
        "certificate, its own port": Client(certificate_port, showing, named),
    }


def microseconds(pid: int, ask: Callable[[int], None], tokens: int) -> float:
    ask(20)
    before = cpu_seconds(pid)
    ask(tokens)
    return (cpu_seconds(pid) - before) / tokens * 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--tokens", type=int, default=400)
    options.add_argument("--rounds", type=int, default=2)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state, port, certificate_port = Path(folder) / "state", free_port(), free_port()
        command = [sys.executable, "-m", "entryway", "services", "--state", str(state)]
        command += ["--port", str(port), "--certificate-port", str(certificate_port)]
        quiet = {"ENTRYWAY_TOKEN_RATE": "0"}
        with (Path(folder) / "log").open("w") as log, process(command, port=port, env=quiet, wait=60, log=log) as pid:
            print("| | kept connection, CPU µs/token | new connection each, CPU µs/token |\n|---|---|---|")
            for name, client in clients(state, port, certificate_port).items():
                best = [
                    min(microseconds(pid, ask, given.tokens) for _ in range(given.rounds))
                    for ask in (client.kept, client.new_each_time)
                ]
                print(f"| {name} | {best[0]:.0f} | {best[1]:.0f} |", flush=True)


if __name__ == "__main__":
    main()
