"""`entryway services` alone, started by hand."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tiny_application import PATIENCE, entryway, free_ports


@contextmanager
def services(state: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    log = state.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "entryway", "services", "--state", str(state), "--port", str(port)],
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not healthy(state, port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def client(state: Path, port: int, **tls: ssl.TLSVersion) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(state / "ca" / "ca.pem"))
    for name, version in tls.items():
        setattr(context, name, version)
    return httpx.Client(verify=context, base_url=f"https://localhost:{port}", trust_env=False)


def healthy(state: Path, port: int) -> bool:
    try:
        with client(state, port) as http:
            return http.get("/entryway/v1/health").status_code == 200
    except (httpx.TransportError, OSError):
        return False


def test_it_makes_what_it_needs_and_ends_cleanly(tmp_path: Path):
    state, [port] = tmp_path / "state", free_ports(1)

    with services(state, port) as process, client(state, port) as http:
        health = http.get("/entryway/v1/health").json()
        assert health["services"] == [
            "authorization server",
            "destination service",
            "broker",
            "connectivity pairing",
        ]
        # Each path is answered by the service that it belongs to, and by none without a right.
        assert http.get("/.well-known/openid-configuration").json()["issuer"] == f"https://localhost:{port}/oauth/token"
        assert http.get("/v2/catalog").status_code == 401
        assert http.get("/destination-configuration/v1/instanceDestinations").status_code == 401
        assert http.post("/connectivity/v1/pairing-tokens").status_code == 401
        keys = http.get("/token_keys").json()

    assert process.returncode == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in [state, *state.rglob("*")])

    # Started again, it is the same authorization server.
    with services(state, port), client(state, port) as http:
        assert http.get("/token_keys").json() == keys


def test_clients_that_speak_only_tls_1_2_are_served(tmp_path: Path):
    state, [port] = tmp_path / "state", free_ports(1)

    with services(state, port), client(state, port, maximum_version=ssl.TLSVersion.TLSv1_2) as http:
        assert http.get("/entryway/v1/health").status_code == 200


def test_a_port_in_use_is_said_with_the_option_that_changes_it(tmp_path: Path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]

        result = entryway("services", "--state", str(tmp_path / "state"), "--port", str(port))

    assert result.returncode == 1
    assert (
        f"error: port {port}, which the control plane needs, is in use; choose another one with --port" in result.stderr
    )


def test_databases_without_their_secrets_are_not_touched(tmp_path: Path):
    state, [port] = tmp_path / "state", free_ports(1)
    with services(state, port):
        pass
    before = (state / "data" / "authserver.db").read_bytes()
    (state / "secrets.json").unlink()

    result = entryway("services", "--state", str(state), "--port", str(port))

    assert result.returncode == 1
    assert "secrets.json is missing although" in result.stderr
    assert not (state / "secrets.json").exists()
    assert (state / "data" / "authserver.db").read_bytes() == before


def test_a_wrong_master_key_is_an_error_and_no_new_start(tmp_path: Path):
    state, [port] = tmp_path / "state", free_ports(1)
    with services(state, port):
        pass
    secrets = json.loads((state / "secrets.json").read_text())
    (state / "secrets.json").write_text(json.dumps({**secrets, "master_key": "A" * 43 + "="}))

    result = entryway("services", "--state", str(state), "--port", str(port))

    assert result.returncode == 1
    assert "error: authorization server: the data keys were sealed by another master key" in result.stderr
    assert "Traceback" not in result.stderr
