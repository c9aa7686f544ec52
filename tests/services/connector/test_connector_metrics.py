"""The admin ports of both ends of the tunnel: what they count, and that they name nobody."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from entryway.config.mistakes import ConfigurationMistakes
from entryway.errors import ConfigurationError
from entryway.http import Body, Headers, Request, Response
from entryway.testing.issuer import Issuer
from entryway.testing.onpremise import OnPremise, erp, on_premise, stop
from entryway.testing.serving import free_port
from entryway.tunnel.admin import AdminAddress, read_admin_address
from entryway.tunnel.meters import OTHER_END, TunnelMeters

T = TypeVar("T")


@pytest.fixture
async def counted(issuer: Issuer, tmp_path: Path) -> AsyncIterator[OnPremise]:
    async with on_premise(issuer, tmp_path, admin=AdminAddress()) as running:
        yield running


async def asked(port: int | None, path: str = "/metrics") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(f"http://127.0.0.1:{port}{path}")


async def values(port: int | None) -> dict[str, float]:
    """Return every sample by what stands before its value."""
    answer = await asked(port)
    assert answer.headers["content-type"].startswith("text/plain")
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def until(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if holds(await ask()):
                return
            await asyncio.sleep(0.02)


async def test_both_ends_count_requests_bytes_and_refusals(counted: OnPremise) -> None:
    async def answer(request: Request) -> Response:
        content = await request.body.read()
        return Response(200, Headers([]), b"x" * 100 if content else b"")

    cloud, company = counted.ports.admin, free_port()
    assert (await asked(cloud, "/ready")).status_code == 200
    async with erp(counted, answer, resources=[{"id": "/open"}], connect=False) as system:
        task = await counted.connect(admin=AdminAddress(port=company))
        user = "somebody@example.com"
        token = {"proxy-authorization": f"Bearer {counted.proxy_token}"}
        target = "http://erp.virtual:443/open"
        assert (await counted.send("POST", target, token, b"y" * 10)).status == 200
        assert (await counted.send("GET", "http://erp.virtual:443/closed", token)).code is not None
        assert (await counted.send("GET", target, {})).status == 407
        assert (await counted.send("GET", "http://unknown.virtual:1/", token)).code is not None

        for port, refused in ((cloud, 3.0), (company, 2.0)):
            seen = await values(port)
            assert seen['entryway_tunnel_requests_total{status="2xx"}'] >= 1
            assert sum(n for name, n in seen.items() if name.startswith("entryway_tunnel_refusals")) == refused
            assert seen['entryway_tunnel_bytes_total{direction="in"}'] == 10
            assert seen['entryway_tunnel_bytes_total{direction="out"}'] >= 100
            assert seen["entryway_ready"] == 1
            assert seen["entryway_tunnel_connections"] >= 1
            assert seen["process_open_fds"] > 0
        seen = await values(cloud)
        assert seen["entryway_tunnels"] == 1
        assert seen['entryway_tunnel_refusals_total{code="other_end"}'] == 2
        for port in (cloud, company):
            text = (await asked(port)).text
            for name in ("erp.virtual", "/open", user, str(system.port), counted.issuer.url, "unknown.virtual"):
                assert name not in text

        await stop(task)
        await until(lambda: values(cloud), lambda seen: seen["entryway_tunnel_disconnects_total"] == 1)
        assert (await values(cloud))["entryway_tunnels"] == 0
        with pytest.raises(httpx.ConnectError):
            await asked(company)


async def test_a_connector_is_ready_while_it_is_connected(counted: OnPremise) -> None:
    company = free_port()
    async with erp(counted, connect=False):
        await counted.connect(admin=AdminAddress(port=company))
        assert (await asked(company, "/ready")).status_code == 200
        await counted.data_plane.aclose()
        await until(lambda: asked(company, "/ready"), lambda answer: answer.status_code == 503)
        assert (await asked(company, "/health")).status_code == 200
        assert (await values(company))["entryway_tunnel_disconnects_total"] == 1


async def test_the_proxys_port_tells_no_metrics(counted: OnPremise) -> None:
    assert (await counted.send("GET", "/metrics", {})).code is not None
    assert counted.ports.admin != counted.ports.proxy


async def test_without_an_address_there_is_no_admin_port(issuer: Issuer, tmp_path: Path) -> None:
    async with on_premise(issuer, tmp_path) as world:
        assert world.ports.admin is None


async def test_an_admin_port_that_is_taken_is_named(issuer: Issuer, tmp_path: Path, counted: OnPremise) -> None:
    (tmp_path / "other").mkdir()
    taken = AdminAddress(port=counted.ports.admin or 0)
    with pytest.raises(ConfigurationError, match=f"the admin port {taken.port} cannot be listened on"):
        async with on_premise(issuer, tmp_path / "other", admin=taken):
            pass


def test_the_other_ends_words_are_no_labels() -> None:
    meters = TunnelMeters("connectivity-proxy")
    told = {"x-error-origin": "connector", "x-entryway-error-code": "whatever it likes"}
    response = Response(502, Headers([(name.encode(), value.encode()) for name, value in told.items()]), b"")
    meters.rendering(lambda _, __: response)(None, ValueError())
    assert dict(meters.refusals) == {OTHER_END: 1}


async def test_bodies_of_unknown_length_are_counted_as_such() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"

    meters = TunnelMeters("connector")
    meters.rendering(lambda _, __: Response(200, Headers([]), Body.from_chunks(pieces())))(None, ValueError())
    assert (meters.bytes_out, meters.of_unknown_length) == (0, 1)


@pytest.mark.parametrize("wrong", ["x", "0", "70000"])
def test_a_wrong_admin_port_of_a_tunnel_is_a_mistake(wrong: str) -> None:
    with pytest.raises(ConfigurationMistakes, match=r"ENTRYWAY_ADMIN_PORT|adminPort"):
        read_admin_address({"ENTRYWAY_ADMIN_PORT": wrong}, None)
    assert read_admin_address({"ENTRYWAY_ADMIN_PORT": wrong}, 9100) == AdminAddress(port=9100)
