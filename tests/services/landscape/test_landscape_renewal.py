"""Certificates of listeners that are issued anew while they listen."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from entryway.http import Headers, Request, Response
from entryway.http.asking_tls import AskingContext
from entryway.http.certificate_files import CertificateFiles
from entryway.http.server import Server
from entryway.landscape.authority import ensure_certificates
from entryway.landscape.certificates import SERVER_LIFETIME
from entryway.landscape.identity_provider import asking_tls
from entryway.landscape.serve import Endpoint, usual_tls
from entryway.landscape.state import StateFolder, open_state

NOW = datetime.now(UTC)
TLS = pytest.mark.parametrize("tls", [usual_tls, asking_tls])


async def ok(_: Request) -> Response:
    return Response(200, Headers([]), b"ok")


def listener(state: StateFolder, tls: Callable[[Endpoint], ssl.SSLContext]) -> tuple[Server, CertificateFiles]:
    ensure_certificates(state, NOW - SERVER_LIFETIME + timedelta(days=29))
    endpoint = Endpoint("127.0.0.1", 0, state.server_certificate, state.server_key)
    return Server(ok), CertificateFiles(endpoint.certificate, endpoint.key, tls(endpoint))


async def shown(port: int, ca_file: Path) -> x509.Certificate:
    """Return the certificate that a new connection is shown, by whom the landscape's authority is believed."""
    context = ssl.create_default_context(cafile=str(ca_file))
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return x509.load_der_x509_certificate(der)


@TLS
async def test_a_certificate_is_replaced_before_it_ends(
    tmp_path: Path, tls: Callable[[Endpoint], AskingContext]
) -> None:
    state = open_state(tmp_path)
    server, files = listener(state, tls)
    _, port = await server.listen("127.0.0.1", 0, ssl=files.context)
    first = await shown(port, state.ca_certificate)
    assert not files.reload()

    ensure_certificates(state, NOW)
    assert files.reload()
    second = await shown(port, state.ca_certificate)
    assert second.not_valid_after_utc > first.not_valid_after_utc
    await server.close(0)


@TLS
async def test_halves_of_two_pairs_change_nothing(tmp_path: Path, tls: Callable[[Endpoint], AskingContext]) -> None:
    state = open_state(tmp_path)
    server, files = listener(state, tls)
    _, port = await server.listen("127.0.0.1", 0, ssl=files.context)
    first = await shown(port, state.ca_certificate)
    key = state.server_key.read_bytes()
    ensure_certificates(state, NOW)
    state.server_key.write_bytes(key)
    assert not files.reload()
    state.server_key.write_text("no key")
    assert not files.reload()
    assert await shown(port, state.ca_certificate) == first
    await server.close(0)
