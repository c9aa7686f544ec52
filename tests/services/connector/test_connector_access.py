"""Only what the connector's file exposes can be reached, and who failed is never in doubt."""

import asyncio
import base64
import os

import pytest

from entryway.http import Body, Headers, Request, Response
from entryway.testing.authority import TestAuthority
from entryway.testing.onpremise import OnPremise, erp
from entryway.testing.serving import free_port
from entryway.testing.upstream import Wire, dial, recording_upstream, scripted_upstream


def plain(port: int, *resources: dict[str, object], **changes: object) -> dict[str, object]:
    """A mapping to a system without TLS."""
    return {
        "virtualHost": "erp.virtual",
        "virtualPort": 443,
        "localHost": "127.0.0.1",
        "localPort": port,
        "protocol": "HTTP",
        "resources": list(resources) or [{"id": "/"}],
    } | changes


async def test_a_system_that_is_not_mapped_is_denied(world: OnPremise) -> None:
    async with erp(world) as system:
        answers = [
            await world.send("GET", target, {"proxy-authorization": f"Bearer {world.proxy_token}"})
            for target in (
                "http://other.virtual:443/",
                "http://erp.virtual/",
                "http://localhost:443/",
                "http://127.0.0.1/",
            )
        ]

    assert {(answer.status, answer.code) for answer in answers} == {(403, "EW_SYSTEM_NOT_EXPOSED")}
    assert answers[0].error["message"].startswith("Access denied to system other.virtual:443. In case this was a valid")
    assert answers[0].header("x-error-origin") == "connector"
    assert system.upstream.requests == []


async def test_nothing_is_exposed_by_default(world: OnPremise) -> None:
    await world.pair()
    await world.connect()

    assert (await world.get()).code == "EW_SYSTEM_NOT_EXPOSED"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/sap/opu/odata", True),
        ("/sap/opu/odata/x?$filter=a%2Fb", True),
        ("/sap/opu/odataish", True),  # a prefix is a prefix of the text
        ("/exact", True),
        ("/exact/", False),
        ("/segment", True),
        ("/segment/below", True),
        ("/segments", False),
        ("/off", False),
        ("/SAP/opu/odata", False),
        ("/", False),
        ("/other", False),
        ("/sap/opu/odata/../../secret", False),
        ("/sap/opu/odata/%2e%2e/secret", False),
        ("/sap/opu/odata/%252e%252e/secret", False),
        ("/sap/opu/odata/..%2fsecret", False),
        ("/sap/opu/odata/..%5csecret", False),
        ("/sap/opu/odata/..\\secret", False),
        ("/sap/opu/odata/..;x=1/secret", False),
        ("/sap/opu/odata/./x", False),
        ("/sap/opu/odata//x", False),
        ("//sap/opu/odata", False),
        ("/sap/opu/odata/%00", False),
        ("/sap/opu/odata/%zz", False),
        ("/sap/opu/odata/%0d%0aX:1", False),
    ],
)
async def test_only_exposed_paths_are_reached(paths_world: OnPremise, path: str, *, allowed: bool) -> None:
    answer = await paths_world.get(path)

    assert (answer.status, answer.code) == ((200, None) if allowed else (403, "EW_RESOURCE_NOT_EXPOSED"))
    if allowed:
        assert answer.body == path.encode()  # as it was sent: what was checked is what arrives
    else:
        assert answer.error["message"].startswith("Access denied to resource /")


@pytest.fixture
async def paths_world(world: OnPremise):
    async def echo(request: Request) -> Response:
        return Response(200, Headers([]), request.target.encode())

    async with recording_upstream(echo) as upstream:
        await world.pair()
        resources = [
            {"id": "/sap/opu/odata"},
            {"id": "/exact", "exactMatchOnly": True},
            {"id": "/segment", "segmentMatch": True},
            {"id": "/off", "enabled": False},
        ]
        world.configure(mappings=[plain(upstream.port, *resources)])
        await world.connect()
        yield world


async def test_a_system_that_is_down_is_unreachable(world: OnPremise) -> None:
    await world.pair()
    world.configure(mappings=[plain(free_port())])
    await world.connect()

    answer = await world.get()

    assert (answer.status, answer.code) == (502, "EW_BACKEND_UNREACHABLE")
    assert b"Unable to open connection to backend system" in answer.body  # what client libraries look for
    assert b"127.0.0.1" not in answer.body  # where the system really is, is the company's business


async def test_a_system_whose_certificate_is_not_listed_is_not_believed(world: OnPremise) -> None:
    async with erp(world, connect=False) as system:
        other = TestAuthority.create(world.folder / "other")
        for trust in ([], [str(other.ca_file)]):
            world.configure(backend_trust=trust)
            connector = await world.connect()
            answer = await world.get()
            connector.cancel()
            await world.connected(wanted=False)
            assert (answer.status, answer.code) == (502, "EW_BACKEND_UNREACHABLE")
    assert system.upstream.requests == []


async def test_a_system_that_does_not_answer_in_time(world: OnPremise) -> None:
    async def wait(wire: Wire) -> None:
        await wire.hear_head()
        await wire.closed(20)

    async with scripted_upstream(wait) as upstream:
        await world.pair()
        world.configure(mappings=[plain(upstream.port)], timeouts={"response": 0.3})
        await world.connect()

        answer = await world.get()

    assert (answer.status, answer.code, answer.header("x-error-origin")) == (504, "EW_BACKEND_TIMEOUT", "connector")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nbroken", b"SSH-2.0-x\r\n"])
async def test_a_system_that_hangs_up(world: OnPremise, said: bytes) -> None:
    async def hang_up(wire: Wire) -> None:
        await wire.hear_head()
        wire.say(said)

    async with scripted_upstream(hang_up) as upstream:
        await world.pair()
        world.configure(mappings=[plain(upstream.port)])
        await world.connect()

        answer = await world.get()

    assert (answer.status, answer.code) == (502, "EW_BACKEND_BROKEN")


async def test_an_answer_speaks_of_the_virtual_host(world: OnPremise) -> None:
    port = 0

    async def redirect(request: Request) -> Response:
        return Response(
            302,
            Headers(
                [
                    (b"location", f"https://LOCALHOST:{port}/next?a=b#c".encode()),
                    (b"set-cookie", b"a=1; Domain=.localhost; Path=/; HttpOnly"),
                    (b"set-cookie", b"b=localhost; Domain=other.example"),
                    (b"x-error-origin", b"forged"),
                    (b"entryway-error", b"forged"),
                ]
            ),
        )

    async with erp(world, redirect) as system:
        port = system.port
        answer = await world.get()

    assert answer.header("location") == "http://erp.virtual:443/next?a=b#c"
    assert answer.headers.all(b"set-cookie") == [
        b"a=1; Domain=.erp.virtual; Path=/; HttpOnly",
        b"b=localhost; Domain=other.example",
    ]
    assert answer.header("x-error-origin") is None
    assert answer.header("entryway-error") is None


async def test_the_virtual_host_is_what_the_system_sees_unless_told_otherwise(world: OnPremise) -> None:
    async with erp(world, hostInHeader="VIRTUAL") as system:
        await world.get()

    (seen,) = system.upstream.requests
    assert seen.headers.all(b"host") == [b"erp.virtual:443"]
    assert seen.headers.get(b"x-forwarded-host") is None


async def echo_websocket(wire: Wire) -> None:
    head = await wire.hear_head()
    assert b"upgrade: websocket" in head.lower()
    wire.say(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    while data := await wire.reader.read(65536):
        await wire.saying(data)


@pytest.mark.parametrize("allowed", [True, False])
async def test_websockets_pass_where_the_resource_allows(world: OnPremise, *, allowed: bool) -> None:
    async with scripted_upstream(echo_websocket) as upstream:
        await world.pair()
        world.configure(mappings=[plain(upstream.port, {"id": "/ws", "websocketUpgradeAllowed": allowed})])
        await world.connect()
        client = await dial("127.0.0.1", world.ports.proxy)
        key = base64.b64encode(os.urandom(16)).decode()
        client.say(
            f"GET http://erp.virtual:443/ws HTTP/1.1\r\nHost: erp.virtual:443\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Proxy-Authorization: Bearer {world.proxy_token}\r\n\r\n".encode()
        )
        head = await client.hear_head()
        if allowed:
            assert head.startswith(b"HTTP/1.1 101 ")
            sent = os.urandom(300_000)
            writing = asyncio.ensure_future(client.saying(sent))
            assert await client.hear(len(sent), seconds=20) == sent
            await writing
        else:
            assert head.startswith(b"HTTP/1.1 403 ")
            assert b"EW_UPGRADE_NOT_ALLOWED" in head
            assert upstream.connections == []
        await client.close()


async def test_bodies_of_any_kind_arrive_whole(world: OnPremise) -> None:
    async def echo(request: Request) -> Response:
        return Response(201, Headers([(b"x-method", request.method.encode())]), await request.body.read())

    async def pieces():
        for _ in range(50):
            yield b"0123456789" * 1000

    async with erp(world, echo):
        headers = {"proxy-authorization": f"Bearer {world.proxy_token}"}
        whole = await world.send("PUT", "http://erp.virtual:443/a", headers, b"x" * 200_000)
        chunked = await world.send("PATCH", "http://erp.virtual:443/a", headers, Body.from_chunks(pieces()))

    assert (whole.status, whole.header("x-method"), whole.body) == (201, "PUT", b"x" * 200_000)
    assert (chunked.header("x-method"), chunked.body) == ("PATCH", b"0123456789" * 50_000)


async def test_fields_behind_a_body_do_not_pass(world: OnPremise) -> None:
    async with erp(world) as system:
        client = await dial("127.0.0.1", world.ports.proxy)
        client.say(
            f"POST http://erp.virtual:443/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            f"Proxy-Authorization: Bearer {world.proxy_token}\r\n\r\n"
            "4\r\nbody\r\n0\r\nSSL_CLIENT_CERT: FORGED\r\nX-Sum: 1\r\n\r\n".encode()
        )
        assert (await client.hear_head()).startswith(b"HTTP/1.1 200 ")
        await client.close()

    (seen,) = system.upstream.requests
    assert seen.body == b"body"
    assert not seen.trailers
    assert seen.headers.all(b"ssl_client_cert") == [b""]
