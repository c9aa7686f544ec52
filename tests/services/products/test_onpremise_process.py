"""The on-premise process as the network sees it: who gets in, and as whom."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from company import Holder, authority, issue

EXAMPLE = Path(__file__).parents[3] / "examples" / "products"
ROOT = "/sap/opu/odata/sap/ZENTRYWAY_PRODUCTS_SRV/"


@dataclass(frozen=True)
class Company:
    folder: Path
    url: str
    network: Holder  # signs the server's and the connector's certificates
    users: Holder  # signs users' certificates
    connector: Holder
    process: subprocess.Popen[bytes]

    def context(self, holder: Holder | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.folder / "network.pem"))
        if holder is not None:
            context.load_cert_chain(*holder.write(self.folder, f"client-{id(holder)}"))
        return context

    def visit(self, holder: Holder | None) -> httpx.Client:
        return httpx.Client(base_url=self.url + ROOT, verify=self.context(holder), trust_env=False)

    def as_user(self, name: str) -> dict[str, str]:
        return {"SSL_CLIENT_CERT": issue(self.users, name).header}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("company")
    network, users = authority("company network"), authority("company users")
    connector = issue(network, "connector")
    network.write(folder, "network")
    users.write(folder, "users")
    certificate, key = issue(network, "localhost").write(folder, "server")
    (folder / "editors.txt").write_text("alice\n")
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "ENTRYWAY_TLS_CERTIFICATE": str(certificate),
        "ENTRYWAY_TLS_KEY": str(key),
        "ENTRYWAY_CONNECTOR_CA": str(folder / "network.pem"),
        "ENTRYWAY_CONNECTOR_SUBJECT": "CN=connector",
        "ENTRYWAY_USER_CA": str(folder / "users.pem"),
        "DATA": str(folder / "data"),
        "EDITORS": str(folder / "editors.txt"),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "products_onpremise"], cwd=EXAMPLE / "onpremise", env=environment
    ) as process:
        try:
            wait_for(port, process)
            yield Company(folder, f"https://127.0.0.1:{port}", network, users, connector, process)
        finally:
            process.send_signal(signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the on-premise process did not start")


def test_the_connector_reads_in_the_name_of_a_user(company: Company) -> None:
    with company.visit(company.connector) as connector:
        answer = connector.get("WhoAmISet", headers=company.as_user("bob"))

    assert answer.status_code == 200
    assert answer.headers["DataServiceVersion"] == "2.0"
    assert answer.json()["d"]["results"][0]["User"] == "bob"


def test_nobody_gets_in_without_a_certificate(company: Company) -> None:
    with company.visit(None) as stranger, pytest.raises(httpx.TransportError):
        stranger.get("", headers=company.as_user("alice"))


def test_nobody_gets_in_with_a_certificate_of_another_authority(company: Company) -> None:
    with company.visit(issue(authority("elsewhere"), "connector")) as stranger, pytest.raises(httpx.TransportError):
        stranger.get("", headers=company.as_user("alice"))


def test_nobody_else_of_the_same_authority_gets_in(company: Company) -> None:
    with company.visit(issue(company.network, "printer")) as neighbour, pytest.raises(httpx.TransportError):
        neighbour.get("", headers=company.as_user("alice"))


def test_nobody_gets_in_without_tls(company: Company) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(company.url.replace("https", "http") + ROOT, headers=company.as_user("alice"), trust_env=False)


def unbelievable(company: Company) -> dict[str, list[str]]:
    good = issue(company.users, "alice").header
    return {
        "no header": [],
        "empty, as the connector sends it for nobody": [""],
        "two headers": [good, good],
        "no base64": ["alice"],
        "no certificate": ["YWxpY2U="],
        "PEM": ["-----BEGIN CERTIFICATE-----" + good],
        "another authority": [issue(authority("company users"), "alice").header],
        "the network's authority": [issue(company.network, "alice").header],
        "the connector itself": [company.connector.header],
        "the authority itself": [company.users.header],
        "an authority below it": [issue(company.users, "alice", is_authority=True).header],
        "below a user": [issue(issue(company.users, "alice"), "alice").header],
        "expired": [issue(company.users, "alice", ends=timedelta(minutes=-1)).header],
        "not valid yet": [issue(company.users, "alice", begins=timedelta(minutes=30)).header],
        "no name": [issue(company.users, None).header],
        "too long": ["A" * 20_000],
    }


def test_a_user_who_is_not_proven_is_nobody(company: Company) -> None:
    with company.visit(company.connector) as connector:
        for reason, values in unbelievable(company).items():
            answer = connector.get("WhoAmISet", headers=[("SSL_CLIENT_CERT", value) for value in values])

            assert answer.status_code == 401, reason
            assert answer.json()["error"]["code"] == "PRODUCTS/401", reason
            assert "alice" not in answer.text, reason


def test_a_change_needs_the_token_that_was_handed_to_this_user(company: Company) -> None:
    alice = company.as_user("alice")
    with company.visit(company.connector) as connector:
        bobs = connector.head("", headers=company.as_user("bob") | {"X-CSRF-Token": "Fetch"}).headers["x-csrf-token"]
        for token in ({}, {"X-CSRF-Token": "Fetch"}, {"X-CSRF-Token": bobs}):
            answer = connector.request(
                "MERGE", "ProductSet('HT-1001')", headers=alice | token | {"If-Match": "*"}, json={"Price": "1.00"}
            )

            assert (answer.status_code, answer.headers["x-csrf-token"]) == (403, "Required")
        product = connector.get("ProductSet('HT-1001')", headers=alice).json()["d"]
    assert product["ChangedBy"] == ""


def test_an_editor_changes_a_price_with_the_token(company: Company) -> None:
    alice = company.as_user("alice")
    with company.visit(company.connector) as connector:
        token = connector.head("", headers=alice | {"X-CSRF-Token": "Fetch"}).headers["x-csrf-token"]
        version = connector.get("ProductSet('HT-1002')", headers=alice).headers["etag"]
        change = alice | {"X-CSRF-Token": token, "If-Match": version}
        first = connector.request("MERGE", "ProductSet('HT-1002')", headers=change, json={"Price": "36.10"})
        second = connector.request("MERGE", "ProductSet('HT-1002')", headers=change, json={"Price": "36.20"})
        product = connector.get("ProductSet('HT-1002')", headers=alice).json()["d"]

    assert (first.status_code, second.status_code) == (204, 412)
    assert (product["Price"], product["ChangedBy"]) == ("36.10", "alice")


def test_a_change_set_happens_as_a_whole_or_not_at_all(company: Company) -> None:
    alice = company.as_user("alice")

    def change(product: str, price: str) -> str:
        return (
            "--c\r\nContent-Type: application/http\r\n\r\n"
            f"MERGE ProductSet('{product}') HTTP/1.1\r\nIf-Match: *\r\n\r\n"
            f'{{"Price":"{price}"}}\r\n'
        )

    def batch(second_price: str) -> str:
        changes = change("HT-1003", "13.00") + change("HT-1004", second_price)
        return f"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{changes}--c--\r\n--b--\r\n"

    with company.visit(company.connector) as connector:
        token = connector.head("", headers=alice | {"X-CSRF-Token": "Fetch"}).headers["x-csrf-token"]
        headers = alice | {"X-CSRF-Token": token, "Content-Type": "multipart/mixed; boundary=b"}
        refused = connector.post("$batch", headers=headers, content=batch("-1"))
        untouched = connector.get("ProductSet('HT-1003')", headers=alice).json()["d"]
        accepted = connector.post("$batch", headers=headers, content=batch("220.00"))
        changed = connector.get("ProductSet('HT-1003')", headers=alice).json()["d"]

    assert (refused.status_code, accepted.status_code) == (202, 202)
    assert "HTTP/1.1 400" in refused.text
    assert accepted.text.count("HTTP/1.1 204") == 2
    assert (untouched["ChangedBy"], changed["ChangedBy"], changed["Price"]) == ("", "alice", "13.00")


def test_a_body_without_end_is_not_read_to_the_end(company: Company) -> None:
    alice = company.as_user("alice")
    with company.visit(company.connector) as connector:
        token = connector.head("", headers=alice | {"X-CSRF-Token": "Fetch"}).headers["x-csrf-token"]
        answer = connector.post("$batch", headers=alice | {"X-CSRF-Token": token}, content=b"x" * 1_100_000)

    assert answer.status_code == 413


def test_a_process_that_is_not_told_everything_does_not_start() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "products_onpremise"],
        cwd=EXAMPLE / "onpremise",
        env={"PATH": os.environ["PATH"], "PORT": "1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert answer.returncode == 2
    assert "ENTRYWAY_USER_CA" in answer.stderr
