"""The tunnel itself: who may dial, what happens when an end dies, and how bytes flow."""

import asyncio
import contextlib
import hashlib
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from entryway.connector.configuration import ConnectorConfiguration
from entryway.connector.dialling import Superseded
from entryway.connector.file import read_configuration
from entryway.http import Body, Headers, Request, Response
from entryway.testing.issuer import Issuer
from entryway.testing.onpremise import OnPremise, erp, on_premise, stop
from entryway.testing.upstream import Wire, dial
from entryway.tunnel.contexts import CONTROL_PROTOCOL, HTTP_PROTOCOL, KeyPair, connector_context

ENTRYWAY = Path(sys.executable).with_name("entryway")


def own_keys(configuration: ConnectorConfiguration) -> KeyPair:
    identity = configuration.identity
    assert identity is not None
    return KeyPair(identity.certificate, identity.private_key.get_secret_value())


async def gateway_connection(world: OnPremise, own: KeyPair, protocol: str) -> Wire:
    context = connector_context(own, world.issuer.ca_file.read_text(), protocol)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", world.ports.gateway, ssl=context, server_hostname="localhost"
    )
    return Wire(reader, writer)


def foreign_keys(world: OnPremise) -> KeyPair:
    """A certificate with a connector's subject, issued by somebody else."""
    genuine = x509.load_pem_x509_certificate(own_keys(read_configuration(world.config)).certificate.encode())
    key, ca_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = x509.load_pem_x509_certificate((world.folder / "tunnel-ca.pem").read_bytes())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(genuine.subject)
        .issuer_name(ca.subject)  # it even says that it is the tunnel's authority
        .public_key(key.public_key())
        .serial_number(genuine.serial_number)
        .not_valid_before(genuine.not_valid_before_utc)
        .not_valid_after(genuine.not_valid_after_utc)
        .sign(ca_key, hashes.SHA256())
    )
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


@pytest.mark.parametrize("protocol", [CONTROL_PROTOCOL, HTTP_PROTOCOL])
async def test_the_gateway_lets_in_certificates_of_its_own_authority_alone(world: OnPremise, protocol: str) -> None:
    await world.pair()
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        wire = await gateway_connection(world, foreign_keys(world), protocol)
        # TLS 1.3: the server's verdict comes with the first thing read. Genuine keys hear a welcome.
        assert await wire.hear_all() == b""
    assert await world.connectors() == []


async def test_the_gateway_lets_in_nobody_without_a_certificate(world: OnPremise) -> None:
    context = ssl.create_default_context(cafile=str(world.issuer.ca_file))
    context.set_alpn_protocols([CONTROL_PROTOCOL])
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", world.ports.gateway, ssl=context, server_hostname="localhost"
        )
        assert await reader.read() == b""
        writer.close()


async def test_a_protocol_that_the_gateway_does_not_speak(world: OnPremise) -> None:
    await world.pair()
    wire = await gateway_connection(world, own_keys(read_configuration(world.config)), "http/1.1")
    await wire.closed()
    assert await world.connectors() == []


async def test_a_connection_for_requests_needs_a_control_connection(world: OnPremise) -> None:
    await world.pair()
    wire = await gateway_connection(world, own_keys(read_configuration(world.config)), HTTP_PROTOCOL)
    await wire.closed()
    await wire.close()


@pytest.mark.parametrize(
    "line", [b"nonsense\n", b'{"type": "welcome"}\n', b"x" * 5000, b'{"type":"dial_failed","count":-1}\n']
)
async def test_a_connector_that_does_not_keep_to_the_protocol(world: OnPremise, line: bytes) -> None:
    await world.pair()
    wire = await gateway_connection(world, own_keys(read_configuration(world.config)), CONTROL_PROTOCOL)
    assert b'"welcome"' in await wire.hear_until(b"\n")
    assert b'"open"' in await wire.hear_until(b"\n")
    await world.connected()

    wire.say(line)

    assert b"protocol_error" in await wire.hear_until(b"\n")
    await wire.closed()
    await world.connected(wanted=False)


async def test_a_connector_that_has_fallen_silent_is_given_up(issuer: Issuer, tmp_path: Path) -> None:
    async with on_premise(issuer, tmp_path, ping_seconds=0.1) as world:
        await world.pair()
        wire = await gateway_connection(world, own_keys(read_configuration(world.config)), CONTROL_PROTOCOL)
        await world.connected()
        await wire.hear_until(b'"ping"')
        await world.connected(wanted=False)
        await wire.closed()


async def test_a_connector_that_dials_nothing_costs_a_time_out(issuer: Issuer, tmp_path: Path) -> None:
    async with on_premise(issuer, tmp_path, open_seconds=0.2) as world:
        await world.pair()
        wire = await gateway_connection(world, own_keys(read_configuration(world.config)), CONTROL_PROTOCOL)
        await world.connected()
        answer = await world.get()
        assert (answer.status, answer.code) == (504, "EW_TUNNEL_TIMEOUT")
        await wire.close()


async def test_another_connector_for_a_location_is_refused_while_the_first_is_there(world: OnPremise) -> None:
    second = world.folder / "second" / "connector.yaml"
    async with erp(world):
        await world.pair(second)
        wire = await gateway_connection(world, own_keys(read_configuration(second)), CONTROL_PROTOCOL)
        assert b"location_taken" in await wire.hear_until(b"\n")
        await wire.closed()
        assert (await world.get()).status == 200

        assert world.connector is not None
        await stop(world.connector)
        await world.connected(wanted=False)
        await world.connect(second)
        assert (await world.get()).code == "EW_SYSTEM_NOT_EXPOSED"


async def test_the_same_connector_again_takes_its_own_place(world: OnPremise) -> None:
    async with erp(world):
        first = world.connector
        assert first is not None
        await world.connect()
        with pytest.raises(Superseded):
            await asyncio.wait_for(first, 10)
        assert (await world.get()).status == 200


class ConnectorProcess:
    """`entryway connector run` as a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, world: OnPremise) -> "ConnectorProcess":
        process = await asyncio.create_subprocess_exec(
            ENTRYWAY, "connector", "run", "--config", str(world.config), stderr=asyncio.subprocess.DEVNULL
        )
        started = cls(process)
        world.stack.push_async_callback(started.end)
        await world.connected()
        return started

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def end(self) -> None:
        if self.process.returncode is None:
            await self.kill()


async def test_a_connector_is_killed_and_comes_back(world: OnPremise) -> None:
    arrived, release = asyncio.Semaphore(0), asyncio.Event()

    async def slow(request: Request) -> Response:
        if request.target == "/slow":
            arrived.release()
            await release.wait()
        return Response(200, Headers([]), b"here")

    async with erp(world, slow, connect=False):
        connector = await ConnectorProcess.start(world)
        assert (await world.get(user=world.issuer.token(user="alex"))).body == b"here"
        proxy_authorization = {"proxy-authorization": f"Bearer {world.proxy_token}"}
        reading = asyncio.ensure_future(world.get("/slow"))
        writing = asyncio.ensure_future(world.send("POST", "http://erp.virtual:443/slow", proxy_authorization, b"x"))
        await arrived.acquire()
        await arrived.acquire()

        await connector.kill()

        unread = await reading
        assert (unread.status, unread.code) == (503, "EW_NO_CONNECTOR")
        unknown = await writing  # it may have been carried out
        assert (unknown.status, unknown.code) == (502, "EW_TUNNEL_BROKEN")
        await world.connected(wanted=False)
        lost = await world.get()
        assert (lost.status, lost.code) == (503, "EW_NO_CONNECTOR")

        again = await ConnectorProcess.start(world)
        assert (await world.get()).body == b"here"

        again.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(again.process.wait(), 10) == 0
        release.set()


async def test_a_connector_that_is_told_to_stop_finishes_what_it_began(world: OnPremise) -> None:
    arrived, release = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> Response:
        arrived.set()
        await release.wait()
        return Response(200, Headers([]), b"finished")

    async with erp(world, slow, connect=False):
        connector = await ConnectorProcess.start(world)
        under_way = asyncio.ensure_future(world.get())
        await arrived.wait()

        connector.process.send_signal(signal.SIGTERM)
        await world.connected(wanted=False)  # nothing new comes
        release.set()

        assert (await under_way).body == b"finished"
        assert await asyncio.wait_for(connector.process.wait(), 10) == 0


async def test_the_gateway_goes_away_and_comes_back(issuer: Issuer, tmp_path: Path) -> None:
    async with on_premise(issuer, tmp_path) as world, erp(world):
        assert (await world.get()).status == 200
        assert world.connector is not None
        settings = world.settings
        await world.restart_data_plane()
        await world.connected()
        assert (await world.get()).status == 200
        assert world.ports.gateway == settings.gateway_port


async def test_a_client_that_goes_away_ends_the_request_at_the_system(world: OnPremise) -> None:
    arrived, cancelled = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        arrived.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    async with erp(world, slow):
        client = await dial("127.0.0.1", world.ports.proxy)
        client.say(head(world, "GET", "/"))
        async with asyncio.timeout(5):
            await arrived.wait()
        client.reset()
        async with asyncio.timeout(5):
            await cancelled.wait()
        assert (await world.get_health()) == "up"


async def test_a_client_that_goes_away_ends_the_download_at_the_system(world: OnPremise) -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
        finally:
            ended.set()

    async with erp(world, lambda _: answered(Body.from_chunks(endless()))):
        client = await dial("127.0.0.1", world.ports.proxy)
        client.say(head(world, "GET", "/"))
        await client.hear(1_000_000)
        client.reset()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_an_answer_that_the_system_breaks_off_does_not_look_complete(world: OnPremise) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"the beginning"
        raise RuntimeError("the system fails")

    async with erp(world, lambda _: answered(Body.from_chunks(broken()))):
        client = await dial("127.0.0.1", world.ports.proxy)
        client.say(head(world, "GET", "/"))
        await client.hear_head()
        with_end = b"0\r\n\r\n"
        rest = bytearray()
        with contextlib.suppress(ConnectionResetError):
            rest += await client.hear_all()
        assert with_end not in rest


async def test_a_reader_that_stops_stops_the_system(world: OnPremise) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            yield b"x" * 65536

    async with erp(world, lambda _: answered(Body.from_chunks(endless()))):
        client = await dial("127.0.0.1", world.ports.proxy)
        client.say(head(world, "GET", "/"))
        await client.hear_head()
        stopped = await unchanging(lambda: sent)
        # What the kernel's buffers of three hops hold, and ours; not what an endless answer would be.
        assert stopped < 64 * 1024 * 1024
        assert (await world.get_health()) == "up"
        await client.hear(stopped + 10_000_000, seconds=30)  # and it flows again
        client.reset()


async def test_a_system_that_stops_reading_stops_the_client(world: OnPremise) -> None:
    arrived = asyncio.Event()
    release = asyncio.Event()

    async def reluctant(request: Request) -> Response:
        arrived.set()
        await release.wait()
        total = 0
        async for chunk in request.body.chunks():
            total += len(chunk)
        return Response(200, Headers([]), str(total).encode())

    async with erp(world) as system:
        system.upstream.server.handler = reluctant
        client = await dial("127.0.0.1", world.ports.proxy)
        size = 200 * 1024 * 1024
        client.say(head(world, "PUT", "/", f"Content-Length: {size}\r\n"))
        written = 0

        async def upload() -> None:
            nonlocal written
            while written < size:
                await client.saying(b"x" * 65536)
                written += 65536

        uploading = asyncio.ensure_future(upload())
        await arrived.wait()
        stopped = await unchanging(lambda: written)
        assert stopped < 64 * 1024 * 1024
        release.set()
        await uploading
        assert (await client.hear_head(30)).startswith(b"HTTP/1.1 200 ")
        assert await client.hear(len(str(size))) == str(size).encode()
        await client.close()


async def test_a_hundred_megabytes_arrive_as_they_left(world: OnPremise) -> None:
    size = 100 * 1024 * 1024

    async def numbered() -> AsyncIterator[bytes]:
        for number in range(size // 65536):
            yield number.to_bytes(4, "big") * 16384

    async def echo_digest(request: Request) -> Response:
        digest = hashlib.sha256()
        async for chunk in request.body.chunks():
            digest.update(chunk)
        return Response(200, Headers([(b"x-digest", digest.hexdigest().encode())]), Body.from_chunks(numbered()))

    expected = hashlib.sha256()
    async for chunk in numbered():
        expected.update(chunk)
    async with erp(world) as system:
        system.upstream.server.handler = echo_digest
        headers = {"proxy-authorization": f"Bearer {world.proxy_token}"}
        answer = await world.send("POST", "http://erp.virtual:443/", headers, Body.from_chunks(numbered()))
    assert answer.header("x-digest") == expected.hexdigest()
    assert hashlib.sha256(answer.body).hexdigest() == expected.hexdigest()


async def test_many_requests_at_once_get_connections_of_their_own(world: OnPremise) -> None:
    together = asyncio.Barrier(150)

    async def meet(_: Request) -> Response:
        await together.wait()  # nobody is answered before everybody has arrived
        return Response(200, Headers([]), b"met")

    async with erp(world, meet):
        answers = await asyncio.gather(*(world.get() for _ in range(150)))
        assert {answer.status for answer in answers} == {200}
        assert (await world.connected())["connections"] >= 150


def head(world: OnPremise, method: str, path: str, more: str = "") -> bytes:
    return (
        f"{method} http://erp.virtual:443{path} HTTP/1.1\r\nHost: erp.virtual:443\r\n"
        f"Proxy-Authorization: Bearer {world.proxy_token}\r\n{more}\r\n"
    ).encode()


async def answered(body: Body) -> Response:
    return Response(200, Headers([(b"content-type", b"application/octet-stream")]), body)


async def unchanging(value) -> int:
    """Return the value once it has not changed for a second."""
    async with asyncio.timeout(30):
        before = -1
        while before != value() or before == 0:
            before = value()
            await asyncio.sleep(1)
    return before
