"""Everything between an application and a system on premise, for real: pairing API, data plane, connector, system."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from entryway.connectivity.build import build
from entryway.connectivity.run import Ports, running
from entryway.connectivity.settings import DataPlaneSettings, PairingSettings
from entryway.connector.file import read_configuration, read_document, write_document
from entryway.connector.pair import pair
from entryway.connector.run import serve
from entryway.http import Body, Client, Handler, Headers, Origin, OutgoingRequest, Timeouts
from entryway.testing.authority import TestAuthority
from entryway.testing.databases import DatabaseUrl, sqlite_url
from entryway.testing.issuer import Issuer
from entryway.testing.serving import free_port, served
from entryway.testing.upstream import RecordingUpstream, recording_upstream
from entryway.tunnel.admin import AdminAddress

CONNECTIVITY_CLIENT = "sb-clone-00000000-1111-4222-8333-444444444444!b1|connectivity!b1"
SYSTEM = "erp.virtual:443"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the proxy answered, completely."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        return self.headers.text(name)

    @property
    def code(self) -> str | None:
        """The failure's code, or None for an answer of the system itself."""
        return self.header("x-entryway-error-code")

    @property
    def error(self) -> dict[str, Any]:
        """The failure as its JSON tells it."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error


@dataclass(slots=True)
class OnPremise:
    """The whole chain; a test starts and stops the connector, and calls through the proxy."""

    issuer: Issuer
    folder: Path
    pairing_url: str
    settings: DataPlaneSettings
    ports: Ports
    client: Client
    database_url: str
    stack: AsyncExitStack
    data_plane: AsyncExitStack
    connector: asyncio.Task[None] | None = None
    mappings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "connector" / "connector.yaml"

    @property
    def proxy_token(self) -> str:
        return self.issuer.client_token(CONNECTIVITY_CLIENT)

    @property
    def platform_token(self) -> str:
        return self.issuer.client_token("entryway-platform", scopes=["entryway.platform"])

    async def pairing_token(self, **body: str) -> str:
        """Return a fresh pairing token, obtained over HTTPS with the platform's right."""
        async with httpx.AsyncClient(verify=self.issuer.tls) as http:
            answer = await http.post(
                f"{self.pairing_url}/connectivity/v1/pairing-tokens",
                json=body,
                headers={"authorization": f"Bearer {self.platform_token}"},
            )
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["token"]
        return token

    async def pair(self, config: Path | None = None, **body: str) -> Path:
        """Pair a connector."""
        return await pair(
            url=self.pairing_url,
            token=await self.pairing_token(**body),
            config=config or self.config,
            ca_file=self.issuer.ca_file,
            environ={},
        )

    def configure(self, config: Path | None = None, **sections: Any) -> None:
        """Change sections of the connector's file."""
        path = config or self.config
        write_document(path, read_document(path) | sections)

    def trust_users(self, **settings: Any) -> dict[str, Any]:
        """Return the section that believes this issuer's users."""
        issuers = [{"issuer": f"{self.issuer.url}/oauth/token", "ca": self.issuer.ca_file.read_text()}]
        return {"principal_propagation": {"trusted_issuers": issuers} | settings}

    async def connect(
        self, config: Path | None = None, location_id: str = "", admin: AdminAddress | None = None
    ) -> asyncio.Task[None]:
        """Run the connector and return when the gateway knows it."""
        path = config or self.config
        task = asyncio.get_running_loop().create_task(serve(read_configuration(path), path.name, admin))
        self.connector = task
        self.stack.push_async_callback(stop, task)
        await self.connected(location_id)
        return task

    async def connected(self, location_id: str = "", *, wanted: bool = True) -> dict[str, Any]:
        """Return what the gateway says of a connector, when it is there (or is not, if that is wanted)."""
        async with asyncio.timeout(10):
            while True:
                found = [each for each in await self.connectors() if each["location_id"] == location_id]
                if bool(found) is wanted:
                    return found[0] if found else {}
                await asyncio.sleep(0.02)

    async def connectors(self) -> list[dict[str, Any]]:
        """Return the connectors that the gateway knows."""
        headers = {"authorization": f"Bearer {self.platform_token}"}
        answer = await self.send("GET", "/connectivity/v1/connectors", headers)
        assert answer.status == 200, answer.body
        found: list[dict[str, Any]] = json.loads(answer.body)
        return found

    async def get_health(self) -> str:
        """Return what the data plane says of itself, which it can say as long as it is not blocked."""
        status: str = json.loads((await self.send("GET", "/health", {})).body)["status"]
        return status

    async def restart_data_plane(self) -> None:
        """Stop the proxy and the gateway, and start them again on the same ports."""
        await self.data_plane.aclose()
        self.ports = await self.data_plane.enter_async_context(
            running(replace(self.settings, proxy_port=self.ports.proxy))
        )

    async def get(self, path: str = "/", *, user: str | None = None, **headers: str) -> Answer:
        """Ask the system on premise, as its callers do; underscores in header names stand for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("proxy-authorization", f"Bearer {self.proxy_token}")
        if user is not None:
            named["sap-connectivity-authentication"] = f"Bearer {user}"
        return await self.send("GET", f"http://{SYSTEM}{path}", named)

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | Body = b"") -> Answer:
        """Send one request to the proxy."""
        raw = Headers([(name.encode(), value.encode("latin-1")) for name, value in headers.items()])
        origin = Origin("http", "127.0.0.1", self.ports.proxy)
        outgoing = OutgoingRequest(method, target, origin, raw, body, timeouts=Timeouts(response=20))
        response = await self.client.send(outgoing)
        content = response.body if isinstance(response.body, bytes) else await response.body.read()
        return Answer(response.status, response.headers, content)


async def stop(task: asyncio.Task[None]) -> None:
    """End a connector and wait until it has; one that ended by itself was the test's to look at."""
    task.cancel()
    await asyncio.wait([task])


@asynccontextmanager
async def on_premise(
    issuer: Issuer, folder: Path, database_url: DatabaseUrl = sqlite_url, **settings: Any
) -> AsyncIterator[OnPremise]:
    """Run a pairing API and a data plane; `settings` replace those of the data plane."""
    authority_file = folder / "tunnel-ca.pem"
    files = issuer.authority.issue_server()
    wanted = DataPlaneSettings(
        uaa_url=issuer.url,
        pairing_url="",
        ca_file=issuer.ca_file,
        tunnel_ca_file=authority_file,
        certificate_file=files.certificate,
        key_file=files.key,
        proxy_port=0,
        gateway_port=free_port(),
        grace_seconds=0.2,
    )

    pairing = PairingSettings(
        public_url="https://localhost",
        uaa_url=issuer.url,
        database_url=database_url(folder, "pairing"),
        master_key=b"m" * 32,
        ca_file=issuer.ca_file,
        gateway_port=wanted.gateway_port,
        authority_file=authority_file,
        attempts_per_minute=1000,
    )

    async with AsyncExitStack() as stack:
        # The pairing API first: it makes the authority that the gateway believes.
        url = stack.enter_context(served(lambda _: build(pairing), issuer.authority))
        wanted = replace(wanted, pairing_url=url)
        wanted = replace(wanted, **settings)
        data_plane = await stack.enter_async_context(AsyncExitStack())
        ports = await data_plane.enter_async_context(running(wanted))
        client = Client()
        stack.push_async_callback(client.close)
        yield OnPremise(issuer, folder, url, wanted, ports, client, pairing.database_url, stack, data_plane)


@dataclass(slots=True)
class ErpSystem:
    """A system that believes nobody but the connector."""

    upstream: RecordingUpstream
    authority: TestAuthority
    world: OnPremise

    @property
    def port(self) -> int:
        return self.upstream.port

    def mapping(self, *resources: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """Return the mapping that exposes it."""
        return {
            "virtualHost": "erp.virtual",
            "virtualPort": "443",
            "localHost": "localhost",
            "localPort": str(self.port),
            "protocol": "HTTPS",
            "authenticationMode": "X509_GENERAL",
            "hostInHeader": "internal",
            "resources": list(resources or [{"id": "/"}]),
        } | changes


@asynccontextmanager
async def erp(
    world: OnPremise,
    handler: Handler | None = None,
    *,
    asks_for_certificate: bool = True,
    resources: Sequence[Mapping[str, Any]] = (),
    connect: bool = True,
    **changes: Any,
) -> AsyncIterator[ErpSystem]:
    """Run a system over mutual TLS, with a paired connector that exposes it."""
    if not world.config.exists():
        await world.pair()
    authority = TestAuthority.create(world.folder / "company")
    context = authority.server_context()
    if asks_for_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(world.config.parent / "system-ca.pem")
    async with recording_upstream(handler, ssl=context) as upstream:
        system = ErpSystem(upstream, authority, world)
        sections = {"mappings": [system.mapping(*resources, **changes)], "backend_trust": [str(authority.ca_file)]}
        world.configure(**(world.trust_users() | sections))
        if connect:
            await world.connect()
        yield system
