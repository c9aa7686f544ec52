"""The admin port of `entryway services` and `entryway idp`: what it tells, to whom, and what it never does."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tiny_application import PATIENCE, free_ports

from entryway.config.mistakes import ConfigurationMistakes
from entryway.landscape.services import run

Sample = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Running:
    """A process with an admin port."""

    state: Path
    public: str
    admin: str

    def client(self) -> httpx.Client:
        context = ssl.create_default_context(cafile=str(self.state / "ca" / "ca.pem"))
        return httpx.Client(verify=context, base_url=self.public, trust_env=False)

    def text(self) -> str:
        answer = httpx.get(f"{self.admin}/metrics", trust_env=False)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert answer.headers["cache-control"] == "no-store"
        return answer.text

    def value(self, name: str, **labels: str) -> float:
        return samples(self.text()).get((name, frozenset(labels.items())), 0)

    def secret(self) -> str:
        return json.loads((self.state / "secrets.json").read_text())["platform_client_secret"]


def samples(text: str) -> Mapping[Sample, float]:
    families = text_string_to_metric_families(text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


@contextmanager
def running(command: str, folder: Path) -> Iterator[Running]:
    state, (port, admin) = folder / "state", free_ports(2)
    log = folder / "log"
    with log.open("wb") as output:
        arguments = ["--state", str(state), "--port", str(port), "--admin-port", str(admin)]
        process = subprocess.Popen(
            [sys.executable, "-m", "entryway", command, *arguments], stdout=output, stderr=output
        )
    made = Running(state, f"https://localhost:{port}", f"http://127.0.0.1:{admin}")
    try:
        deadline = time.monotonic() + PATIENCE
        while not _ready(made):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, log.read_text()


def _ready(made: Running) -> bool:
    try:
        return httpx.get(f"{made.admin}/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("services", tmp_path_factory.mktemp("services")) as made:
        yield made


def test_requests_tokens_and_refusals_are_counted(services: Running):
    asked = {"service": "authserver", "route": "/oauth/token", "method": "POST"}
    good, bad = {**asked, "status": "2xx"}, {**asked, "status": "4xx"}
    tokens = {"service": "authserver", "grant_type": "client_credentials"}
    form = {"grant_type": "client_credentials"}
    with services.client() as http:
        for path in ("/oauth/token", "/t/dev/oauth/token"):
            http.post(path, data=form, auth=("entryway-platform", services.secret())).raise_for_status()
        assert http.post("/oauth/token", data=form, auth=("entryway-platform", "guessed")).status_code == 401
        assert http.get("/v2/catalog").status_code == 401
    assert services.value("entryway_service_requests_total", **good) == 2
    assert services.value("entryway_service_requests_total", **bad) == 1
    assert services.value("entryway_service_tokens_total", **tokens) == 2
    assert services.value("entryway_service_refusals_total", service="authserver", code="unauthorized") == 1
    assert services.value("entryway_service_refusals_total", service="broker", code="unauthorized") == 1
    count = services.value("entryway_service_request_seconds_count", service="authserver", route="/oauth/token")
    assert count == 3
    assert services.value("process_resident_memory_bytes") > 0
    assert services.value("entryway_ready") == 1


def test_no_label_says_what_somebody_sent(services: Running):
    sent = ["mallory", "secret-path", "some-client", "BREW", "a-wrong-secret", "acme"]
    with services.client() as http:
        http.get("/secret-path/mallory")
        http.request("BREW", "/token_keys")
        http.get("/entryway/v1/users/mallory")
        http.put("/entryway/v1/users/mallory")
        http.get("/t/acme/login")
        guessed = {"grant_type": "password", "username": "mallory"}
        http.post("/oauth/token", data=guessed, auth=("some-client", "a-wrong-secret"))
        http.post("/oauth/token", data={"grant_type": "mallory"}, auth=("entryway-platform", services.secret()))
    text = services.text()
    assert 'route="none"' in text
    assert 'route="/entryway/v1/users/{' in text
    for word in [*sent, "entryway-platform", services.secret()]:
        assert word not in text


def test_the_two_ports_have_nothing_in_common(services: Running):
    with services.client() as http:
        for path in ("/metrics", "/ready", "/health"):
            assert http.get(path).status_code == 404
    with httpx.Client(base_url=services.admin, trust_env=False) as http:
        assert http.get("/health").json() == {"status": "up"}
        assert http.get("/oauth/token").status_code == 404
        assert http.get("/entryway/v1/health").status_code == 404
        assert http.post("/metrics").status_code == 405


def test_logins_at_the_identity_provider_are_counted(tmp_path: Path):
    with running("idp", tmp_path) as idp:
        form = {"grant_type": "client_credentials", "client_id": "entryway-admin", "client_secret": idp.secret()}
        with idp.client() as http:
            http.post("/oauth2/token", data=form).raise_for_status()
            assert http.post("/oauth2/token", data={**form, "client_secret": "guessed"}).status_code == 401
            assert http.get("/metrics").status_code == 404
        assert idp.value("entryway_service_tokens_total", service="idp", grant_type="client_credentials") == 1
        counted = {"service": "idp", "route": "/oauth2/token", "method": "POST"}
        assert idp.value("entryway_service_requests_total", **counted, status="4xx") == 1
        assert "entryway-admin" not in idp.text()


@pytest.mark.parametrize("wrong", ["x", "0", "70000"])
def test_a_wrong_admin_port_ends_the_start(tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ENTRYWAY_ADMIN_PORT", wrong)
    [port] = free_ports(1)
    with pytest.raises(ConfigurationMistakes, match=r"ENTRYWAY_ADMIN_PORT|adminPort"):
        run(tmp_path / "state", host="127.0.0.1", port=port)
