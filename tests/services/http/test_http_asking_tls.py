"""TLS that asks for a certificate: who gets in, what the server learns, and what is never carried on."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from http_certificates import Certificates, certificates
from OpenSSL import SSL

from entryway import certificates as our
from entryway.http import Request, Response, Server
from entryway.http.asking_tls import AskingContext


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls"))


async def answer(request: Request) -> Response:
    """Say whose certificate came, and how long the body was."""
    body = await request.body.read()
    return Response(200, body=b"%d %b" % (len(body), base64.b64encode(request.peer.certificate or b"")))


@asynccontextmanager
async def listening(files: Certificates) -> AsyncIterator[int]:
    server = Server(answer)
    _, port = await server.listen("127.0.0.1", 0, ssl=AskingContext(files.server_certificate, files.server_key))
    try:
        yield port
    finally:
        await server.close(1)


def client(files: Certificates, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files.ca))
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


async def ask(port: int, context: ssl.SSLContext, body: bytes = b"") -> tuple[int, bytes]:
    """Return what the server has learnt: the length of the body, and the certificate."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    writer.write(b"POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body))
    writer.write(body)
    told = (await reader.read()).rpartition(b"\r\n\r\n")[2]
    writer.close()
    length, _, shown = told.partition(b" ")
    return int(length), base64.b64decode(shown)


def self_signed(folder: Path, not_before: datetime, not_after: datetime) -> tuple[Path, Path]:
    key, name = our.new_key(), x509.Name([our.common_name("robot")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(not_before).not_valid_after(not_after)
    (folder / "own.pem").write_bytes(our.pem(builder.sign(key, hashes.SHA256())))
    (folder / "own.key").write_bytes(our.key_pem(key))
    return folder / "own.pem", folder / "own.key"


def der(certificate: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.read_text())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_server_learns_whose_key_a_client_has(files: Certificates, version: ssl.TLSVersion) -> None:
    async with listening(files) as port:
        shown = client(files, files.client_certificate, files.client_key)
        shown.minimum_version = shown.maximum_version = version
        assert await ask(port, shown) == (0, der(files.client_certificate))
        assert await ask(port, client(files)) == (0, b"")


@pytest.mark.parametrize("days", [(-2, -1), (-1, 1), (1, 2)], ids=["expired", "self-signed", "not yet valid"])
async def test_whose_certificate_counts_is_not_for_tls_to_say(
    files: Certificates, tmp_path: Path, days: tuple[int, int]
) -> None:
    now = datetime.now(UTC)
    certificate, key = self_signed(tmp_path, *(now + timedelta(days=day) for day in days))
    async with listening(files) as port:
        assert await ask(port, client(files, certificate, key)) == (0, der(certificate))


async def test_a_body_of_any_length_crosses(files: Certificates) -> None:
    async with listening(files) as port:
        context = client(files, files.client_certificate, files.client_key)
        for length in (1, 16_384, 300_000, 2_000_000):
            assert await ask(port, context, bytes(length)) == (length, der(files.client_certificate))


async def test_nothing_is_resumed(files: Certificates) -> None:
    """A session of somebody who showed a certificate must not stand in for showing it again."""

    def converse(
        port: int, context: ssl.SSLContext, session: ssl.SSLSession | None
    ) -> tuple[bool, ssl.SSLSession, bytes]:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost", session=session) as tls,
        ):
            tls.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            told = b"".join(iter(lambda: tls.recv(65536), b""))
            assert tls.session is not None
            return bool(tls.session_reused), tls.session, told.rpartition(b" ")[2]

    async with listening(files) as port:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = client(files, files.client_certificate, files.client_key)
            context.minimum_version = context.maximum_version = version
            reused, session, shown = await asyncio.to_thread(converse, port, context, None)
            assert (reused, base64.b64decode(shown)) == (False, der(files.client_certificate))
            reused, _, shown = await asyncio.to_thread(converse, port, context, session)
            assert (reused, base64.b64decode(shown)) == (False, der(files.client_certificate))


async def test_no_connection_is_negotiated_anew(files: Certificates) -> None:
    """Who began without a certificate cannot show one later, nor another one than before."""

    def renegotiate(port: int) -> None:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            plain.setblocking(True)
            connection = SSL.Connection(context, plain)
            connection.set_connect_state()
            connection.do_handshake()
            connection.renegotiate()
            connection.do_handshake()

    async with listening(files) as port:
        with pytest.raises(SSL.Error, match="no renegotiation"):
            await asyncio.to_thread(renegotiate, port)


@pytest.mark.parametrize(("offered", "chosen"), [(["h2", "http/1.1"], "http/1.1"), (["h2"], None)])
async def test_http_1_1_is_what_is_spoken(files: Certificates, offered: list[str], chosen: str | None) -> None:
    async with listening(files) as port:
        context = client(files)
        context.set_alpn_protocols(offered)
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == chosen
        writer.close()


async def test_older_tls_is_refused(files: Certificates) -> None:
    async with listening(files) as port:
        old = client(files)
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")  # so that the client itself would go so far
        with pytest.raises(ConnectionResetError):
            await ask(port, old)
        assert (await ask(port, client(files)))[0] == 0


async def test_what_is_no_tls_ends_one_connection_and_nothing_else(files: Certificates) -> None:
    async with listening(files) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        # An alert, and the end.
        assert (await reader.read())[:1] in {b"\x15", b""}
        writer.close()
        _, gone = await asyncio.open_connection("127.0.0.1", port)
        gone.write(b"\x16\x03\x01\x02\x00\x01")
        gone.close()
        assert (await ask(port, client(files)))[0] == 0


async def test_a_client_that_leaves_is_told_that_tls_ends(files: Certificates) -> None:
    async with listening(files) as port:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client(files), server_hostname="localhost"
        )
        writer.close()
        await writer.wait_closed()
        assert await reader.read() == b""


async def test_a_certificate_that_nobody_here_can_read_is_handed_on_as_it_is(
    files: Certificates, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    good, version = der(files.client_certificate), b"\xa0\x03\x02\x01\x02"
    odd = good.replace(version, version[:-1] + b"\x09", 1)

    (tmp_path / "odd.pem").write_text(ssl.DER_cert_to_PEM_cert(odd))

    def ask_with(port: int) -> bytes:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.use_privatekey_file(str(files.client_key))
        context.use_certificate_file(str(tmp_path / "odd.pem"))
        told = b""
        with socket.create_connection(("127.0.0.1", port)) as peer:
            connection = SSL.Connection(context, peer)
            connection.set_connect_state()
            connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            with suppress(SSL.ZeroReturnError, SSL.SysCallError):
                while True:
                    told += connection.recv(65536)
        return told

    async with listening(files) as port:
        told = await asyncio.to_thread(ask_with, port)
    assert base64.b64decode(told.rpartition(b" ")[2]) == odd
    assert not caplog.records


def test_files_that_are_no_pair_are_refused_at_once(files: Certificates, tmp_path: Path) -> None:
    for certificate, key in (
        (files.server_certificate, files.client_key),
        (files.server_certificate, tmp_path / "missing"),
        (files.server_key, files.server_key),
    ):
        with pytest.raises(ssl.SSLError, match=r"localhost|missing|client"):
            AskingContext(certificate, key)
