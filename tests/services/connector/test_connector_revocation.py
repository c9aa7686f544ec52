"""A connector that was revoked is cut off within a second, by every gateway, and stays out."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from entryway.connectivity.run import Ports, running
from entryway.connectivity.schema import SCHEMA
from entryway.connector.dialling import Revoked
from entryway.connector.file import read_configuration, read_document
from entryway.connector.renewal import Renewal
from entryway.connector.run import serve
from entryway.http import Request, Response
from entryway.storage import Database, Keyring
from entryway.storage import audit as trail
from entryway.storage.digests import Digests
from entryway.storage.moments import utc_now
from entryway.testing.onpremise import OnPremise, erp
from entryway.tunnel.pairing import REVOKED_PATH

SOON = 1.5  # a second, and what a busy machine adds


async def control_plane(world: OnPremise, method: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(verify=world.issuer.tls) as http:
        bearer = {"authorization": f"Bearer {world.platform_token}"}
        return await http.request(method, world.pairing_url + path, headers=bearer)


async def revoke(world: OnPremise, tenant: str = "") -> httpx.Response:
    connector_id = read_document(world.config)["identity"]["connector_id"]
    return await control_plane(world, "DELETE", f"/connectivity/v1/connectors/{connector_id}{tenant}")


def use_gateway(world: OnPremise, ports: Ports) -> None:
    gateway = read_document(world.config)["gateway"]
    world.configure(gateway={**gateway, "port": ports.gateway})


async def refused_twice(logs: Sequence[Mapping[str, Any]]) -> list[str]:
    async with asyncio.timeout(10):
        while True:
            reasons = [entry["reason"] for entry in logs if entry["event"] == "connector_refused"]
            if len(reasons) > 1:
                return reasons
            await asyncio.sleep(0.02)


@pytest.fixture
async def second_gateway(world: OnPremise) -> AsyncIterator[Ports]:
    async with running(replace(world.settings, proxy_port=0, gateway_port=0)) as ports:
        yield ports


async def test_it_is_cut_off_with_the_requests_under_way_and_stays_out(world: OnPremise) -> None:
    arrived, never = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        if request.target == "/slow":
            arrived.set()
            await never.wait()
        return Response(200)

    async with erp(world, slow):
        assert world.connector is not None
        under_way = asyncio.create_task(world.get("/slow"))
        await arrived.wait()
        assert (await revoke(world)).status_code == 204
        async with asyncio.timeout(SOON):
            assert (await under_way).status >= 502
            with pytest.raises(Revoked):
                await world.connector
        assert (await world.get()).code == "EW_NO_CONNECTOR"
        # Its certificate is as genuine as before, and the gateway learns of it anew when it starts.
        await world.restart_data_plane()
        with pytest.raises(Revoked):
            await serve(read_configuration(world.config), "connector.yaml")
        never.set()


async def test_every_gateway_learns_of_it(world: OnPremise, second_gateway: Ports) -> None:
    await world.pair()
    world.ports = second_gateway
    use_gateway(world, second_gateway)
    connector = await world.connect()
    await revoke(world)
    async with asyncio.timeout(SOON):
        with pytest.raises(Revoked):
            await connector


async def test_its_place_is_free_for_another_one(world: OnPremise) -> None:
    async with erp(world):
        await revoke(world)
        await world.connected(wanted=False)
        new = await world.pair(world.folder / "new" / "connector.yaml")
        await world.connect(new)
        assert (await world.get()).code == "EW_SYSTEM_NOT_EXPOSED"


async def test_it_gets_no_new_certificate(world: OnPremise) -> None:
    await world.pair()
    await revoke(world)
    later = Renewal(world.config, lambda: utc_now().replace(year=utc_now().year + 1))
    await later.attend(None)  # type: ignore[arg-type]
    assert later.failures == 1


async def test_no_connector_of_another_tenant_is_revoked(world: OnPremise) -> None:
    await world.pair()
    assert (await revoke(world, "?zid=22222222-2222-4333-8444-555555555555")).status_code == 404
    assert (await control_plane(world, "DELETE", "/connectivity/v1/connectors/nobody")).status_code == 404
    assert (await control_plane(world, "GET", REVOKED_PATH)).json() == {"connectors": []}
    assert (await revoke(world, f"?zid={world.issuer.zone}")).status_code == 204


async def test_who_may_not_revoke(world: OnPremise) -> None:
    await world.pair()
    connector_id = read_document(world.config)["identity"]["connector_id"]
    path = f"{world.pairing_url}/connectivity/v1/connectors/{connector_id}"
    async with httpx.AsyncClient(verify=world.issuer.tls) as http:
        assert (await http.delete(path)).status_code == 401
        for token, status in (
            (world.proxy_token, 401),
            (world.issuer.client_token("entryway-platform", scopes=["uaa.resource"]), 403),
        ):
            assert (await http.delete(path, headers={"authorization": f"Bearer {token}"})).status_code == status
    assert (await control_plane(world, "GET", REVOKED_PATH)).json() == {"connectors": []}


async def test_who_revoked_it_is_in_the_audit_trail_and_the_list(world: OnPremise) -> None:
    await world.pair(location_id="plant1")
    for _ in range(2):
        assert (await revoke(world)).status_code == 204
    connector_id = read_document(world.config)["identity"]["connector_id"]
    (listed,) = (await control_plane(world, "GET", "/connectivity/v1/connectors")).json()
    assert listed["connector_id"] == connector_id
    assert listed["revoked_at"] is not None
    database = Database(world.database_url)
    keyring = Keyring(b"m" * 32)
    await keyring.open(database)
    try:
        (entry,) = await trail.entries(database)
        verified = await trail.verify(database, Digests(keyring, SCHEMA.service))
    finally:
        await database.close()
    told = (entry["event"], entry["object_type"], entry["object_id"], entry["actor"], entry["details"]["old"])
    assert told == ("DELETE", "connector", connector_id, "entryway-platform", {"location_id": "plant1"})
    assert verified.broken_at is None


async def test_a_gateway_that_does_not_know_who_was_revoked_lets_nobody_in(world: OnPremise) -> None:
    await world.pair()
    with capture_logs() as logs:
        async with running(
            replace(world.settings, proxy_port=0, gateway_port=0, pairing_url="https://localhost:1")
        ) as world.ports:
            use_gateway(world, world.ports)
            connector = asyncio.create_task(serve(read_configuration(world.config), "connector.yaml"))
            reasons = await refused_twice(logs)  # it tries again
            assert await world.connectors() == []
            connector.cancel()
            await asyncio.wait([connector])
    assert set(reasons) == {"revocations_unknown"}
