"""Certificates for names below `localhost` that nobody knew when the control plane was started."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest

from entryway.http import Headers, Request, Response
from entryway.http.server import Server
from entryway.landscape import tenant_names
from entryway.landscape.authority import ensure_certificates
from entryway.landscape.serve import Endpoint
from entryway.landscape.state import open_state
from entryway.landscape.tenant_names import TenantNames


async def ok(request: Request) -> Response:
    return Response(200, Headers([]), b"certified" if request.peer.certificate else b"unknown")


class Listener:
    """A listener whose clients believe the landscape's authority alone."""

    def __init__(self, folder: Path, *, asking: bool = False) -> None:
        self.asking = asking
        # A year ago, so that what was issued then ends within a month.
        self.state, self.now = open_state(folder), datetime.now(UTC) - timedelta(days=370)
        ensure_certificates(self.state, self.now)
        self.server = Server(ok)
        self.port = 0

    async def __aenter__(self) -> Self:
        endpoint = Endpoint("127.0.0.1", 0, self.state.server_certificate, self.state.server_key)
        names = TenantNames(self.state, lambda: self.now)
        tls = names.asking_tls if self.asking else names.tls
        _, self.port = await self.server.listen("127.0.0.1", 0, ssl=tls(endpoint))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close(1)

    async def serial(self, name: str) -> str:
        """Connect as this name and return the serial number of the certificate that was believed."""
        return (await self.ask(name))[0]

    async def ask(self, name: str) -> tuple[str, bytes]:
        """Connect as this name, with a certificate, and return the serial number that was believed and the answer."""
        context = ssl.create_default_context(cafile=str(self.state.ca_certificate))
        context.load_cert_chain(self.state.server_certificate, self.state.server_key)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context, server_hostname=name)
        certificate = writer.get_extra_info("peercert")
        writer.write(b"GET / HTTP/1.1\r\nhost: " + name.encode() + b"\r\nconnection: close\r\n\r\n")
        body = (await reader.read()).rpartition(b"\r\n\r\n")[2]
        writer.close()
        await writer.wait_closed()
        return certificate["serialNumber"], body


@pytest.mark.parametrize("asking", [False, True])
async def test_a_tenants_name_is_given_a_certificate_when_it_is_first_asked_for(
    tmp_path: Path, *, asking: bool
) -> None:
    async with Listener(tmp_path, asking=asking) as listener:
        acme = await listener.serial("acme.localhost")
        assert acme == await listener.serial("acme.localhost")
        assert acme != await listener.serial("bolt.localhost")
        assert await listener.serial("localhost") == await listener.serial("dev.localhost") != acme
        assert await listener.serial("acme.authentication.localhost")
        listener.now += timedelta(days=370)
        assert acme != await listener.serial("acme.localhost")


@pytest.mark.parametrize("name", ["example.com", "acme.localhost.example.com", "a_b.localhost", "a.b.c.d.localhost"])
async def test_no_other_name_is_given_one(tmp_path: Path, name: str) -> None:
    async with Listener(tmp_path) as listener:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await listener.serial(name)


async def test_where_certificates_are_asked_for_a_tenants_client_is_asked_too(tmp_path: Path) -> None:
    async with Listener(tmp_path, asking=True) as listener:
        tenant, told = await listener.ask("acme.localhost")
        own, told_there = await listener.ask("localhost")
        assert told == told_there == b"certified"
        assert tenant != own
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await listener.serial("acme.localhost.example.com")


async def test_names_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_names, "MOST", 2)
    async with Listener(tmp_path) as listener:
        first = [await listener.serial(f"{name}.localhost") for name in ("a1", "b1", "a1", "c1")]
        assert first[0] == await listener.serial("a1.localhost")  # the last that was asked for stays
        assert first[1] != await listener.serial("b1.localhost")


async def test_without_the_authoritys_key_the_usual_certificate_is_shown(tmp_path: Path) -> None:
    async with Listener(tmp_path) as listener:
        listener.state.ca_key.unlink()
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await listener.serial("acme.localhost")
        assert await listener.serial("localhost")
