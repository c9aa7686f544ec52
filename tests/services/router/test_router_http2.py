"""HTTP/2 and TLS at the router itself: on one port with HTTP/1.1, reloaded and stopped like everything else."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import signal
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from test_router_reload import files, process, said
from websockets import ConnectionClosed
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from entryway.config.operation import Operation, read_operation, worker_mistakes
from entryway.router.asgi import create_app
from entryway.router.hooks import Hooks
from entryway.testing.upstream import recording_upstream

if TYPE_CHECKING:
    from entryway.http import Request, Response


def certificate(folder: Path) -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "router")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "router.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "router.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return {
        "ENTRYWAY_TLS_CERTIFICATE": str(folder / "router.pem"),
        "ENTRYWAY_TLS_KEY": str(folder / "router.key"),
    }


def client(folder: Path | None = None, **versions: bool) -> httpx.AsyncClient:
    verify = ssl.create_default_context(cafile=None if folder is None else folder / "router.pem")
    return httpx.AsyncClient(trust_env=False, verify=verify, timeout=10, **versions)


async def test_http2_and_http1_are_served_on_one_port(tmp_path: Path):
    async with recording_upstream() as backend:
        routes = [{"source": "^/api/(.*)$", "destination": "b"}, {"source": "^/(.*)$", "localDir": "resources"}]
        files(tmp_path, "1")
        (tmp_path / "xs-app.json").write_text(json.dumps({"authenticationMethod": "none", "routes": routes}))
        destinations = json.dumps([{"name": "b", "url": backend.url}])
        async with process(tmp_path, HTTP2_SUPPORT="true", destinations=destinations) as (_, origin, lines):
            async with client(http1=False, http2=True) as http:
                answer = await http.post(f"{origin}/api/x", content=b"hello")
                assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
                assert backend.requests[-1].body == b"hello"
                assert backend.requests[-1].headers.text("x-forwarded-host") == origin.removeprefix("http://")
                assert (await http.get(f"{origin}/a.txt")).text == "A"
                assert (await http.get(f"{origin}/%2e%2e/secret")).status_code in (400, 403)
            async with client() as http:
                answer = await http.get(f"{origin}/a.txt")
                assert (answer.http_version, answer.text) == ("HTTP/1.1", "A")
            assert not any("Traceback" in line for line in lines)


async def test_the_configuration_is_reloaded_there_too(tmp_path: Path):
    files(tmp_path, "1")
    async with process(tmp_path, HTTP2_SUPPORT="true", NODE_ENV="development") as (_, origin, lines):
        files(tmp_path, "2")
        await said(lines, "former_configuration_ended")
        async with client(http1=False, http2=True) as http:
            assert (await http.get(f"{origin}/a.txt")).headers["x-version"] == "2"


@pytest.mark.parametrize(("http2", "version"), [("true", "HTTP/2"), ("false", "HTTP/1.1")])
async def test_the_router_proves_itself_with_its_own_certificate(tmp_path: Path, http2: str, version: str):
    files(tmp_path, "1")
    async with process(tmp_path, HTTP2_SUPPORT=http2, **certificate(tmp_path)) as (_, origin, _lines):
        secure = origin.replace("http:", "https:")
        async with client(tmp_path, http2=True) as http:
            answer = await http.get(f"{secure}/a.txt")
            assert (answer.http_version, answer.text) == (version, "A")


async def test_a_port_in_use_is_named_there_too(tmp_path: Path):
    files(tmp_path, "1")
    async with process(tmp_path) as (_, origin, _lines):
        port = origin.rpartition(":")[2]
        with pytest.raises(AssertionError, match=f"port {port} is in use; set PORT to another one"):
            async with process(tmp_path, port=int(port), HTTP2_SUPPORT="true"):
                pass


def test_certificate_and_key_belong_together(tmp_path: Path):
    both = certificate(tmp_path)
    assert read_operation(both)[1] == []
    for name in both:
        _, mistakes = read_operation({name: both[name]})
        assert [mistake.rule for mistake in mistakes] == [
            "ENTRYWAY_TLS_CERTIFICATE and ENTRYWAY_TLS_KEY belong together"
        ]
    (tmp_path / "router.key").write_text("no key")
    operation, mistakes = read_operation(both)
    assert operation.certificate is None
    assert len(mistakes) == 1


def test_http2_says_what_does_not_come_with_it():
    _, mistakes = read_operation({"HTTP2_SUPPORT": "true"})
    assert [(mistake.file, mistake.severity) for mistake in mistakes] == [("HTTP2_SUPPORT", "warning")]
    assert read_operation({"HTTP2_SUPPORT": "false"})[1] == []


def test_the_server_is_one_of_three():
    operation, mistakes = read_operation({"ENTRYWAY_SERVER": "granian"})
    assert (operation.server, operation.http2) == ("granian", False)
    assert [(mistake.file, mistake.severity) for mistake in mistakes] == [("ENTRYWAY_SERVER", "warning")]
    for server in ("engine", "asgi"):
        operation, mistakes = read_operation({"ENTRYWAY_SERVER": server})
        assert (operation.server, mistakes) == (server, [])
    _, mistakes = read_operation({"ENTRYWAY_SERVER": "apache"})
    assert [mistake.severity for mistake in mistakes] == ["error"]
    assert "engine, asgi, granian" in mistakes[0].rule
    two = Operation(server="granian", workers=2)
    assert [mistake.rule for mistake in worker_mistakes(two, shares_sessions=True)] == [
        "ENTRYWAY_SERVER=granian is served by one worker"
    ]


async def test_granian_serves_http1_alone_unless_http2_is_wanted(tmp_path: Path):
    files(tmp_path, "1")
    async with process(tmp_path, ENTRYWAY_SERVER="granian") as (_, origin, _lines):
        async with client() as http:
            assert (await http.get(f"{origin}/a.txt")).text == "A"
        async with client(http1=False, http2=True) as http:
            with pytest.raises(httpx.TransportError):
                await http.get(f"{origin}/a.txt")


async def test_web_sockets_go_with_http2(tmp_path: Path):
    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    files(tmp_path, "1")
    routes = [{"source": "^/ws", "destination": "b"}, {"source": "^/(.*)$", "localDir": "resources"}]
    settings = {"authenticationMethod": "none", "routes": routes, "websockets": {"enabled": True}}
    (tmp_path / "xs-app.json").write_text(json.dumps(settings))
    async with serve(echo, "127.0.0.1", 0) as backend:
        url = f"ws://127.0.0.1:{backend.sockets[0].getsockname()[1]}"
        destinations = json.dumps([{"name": "b", "url": url}])
        async with process(tmp_path, HTTP2_SUPPORT="true", destinations=destinations) as (child, origin, _lines):
            address = origin.replace("http:", "ws:")
            async with client(http1=False, http2=True) as http, connect(f"{address}/ws", origin=origin) as socket:
                await socket.send("hello")
                assert await socket.recv() == "hello"
                assert (await http.get(f"{origin}/a.txt")).http_version == "HTTP/2"
                files(tmp_path, "2")
                (tmp_path / "xs-app.json").write_text(json.dumps(settings))
                child.send_signal(signal.SIGHUP)
                await said(_lines, "former_configuration_ended")
                await socket.send("still here")
                assert await socket.recv() == "still here"
                child.send_signal(signal.SIGTERM)
                with pytest.raises(ConnectionClosed):
                    await socket.recv()


async def test_any_asgi_server_runs_it_by_its_lifespan(tmp_path: Path):
    def pong(request: Request) -> Response | None:
        from entryway.http import Headers, Response  # noqa: PLC0415 - as an application's own file would

        return Response(200, Headers(), b"pong") if request.target == "/ping" else None

    files(tmp_path, "1")
    app = create_app(tmp_path, {}, Hooks(before_login=pong))
    with pytest.raises(RuntimeError, match="lifespan"):
        await app({"type": "http"}, None, None)  # type: ignore[arg-type]
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://router") as http:
        assert (await http.get("/ping")).text == "pong"
        assert (await http.get("/a.txt")).headers["x-version"] == "1"
        files(tmp_path, "2")
        assert app.reloader is not None
        assert await app.reloader.reload("test")
        assert (await http.get("/a.txt")).headers["x-version"] == "2"
