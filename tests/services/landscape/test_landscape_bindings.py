"""What becomes of bindings from one `entryway up` to the next."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from entryway.clients.http import new_http
from entryway.clients.platform import PlatformClient
from entryway.clients.tls import outgoing_context
from entryway.config.descriptor import BoundInstance, Descriptor, Module, ServiceInstance
from entryway.config.landscape_file import LandscapeDocument
from entryway.landscape.application import Application
from entryway.landscape.environment import Bound
from entryway.landscape.provision import Provisioner
from entryway.landscape.record import ControlPorts, LandscapeRecord, new_id
from entryway.landscape.secrets import load_or_create_secrets
from entryway.landscape.services import build
from entryway.landscape.state import StateFolder, open_state
from entryway.testing.authority import TestAuthority
from entryway.testing.serving import served

CREDENTIAL_TYPES = {"credential-types": ["x509", "binding-secret"]}
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> StateFolder:
    return open_state(tmp_path_factory.mktemp("bindings") / "state")


@pytest.fixture(scope="module")
def url(state: StateFolder) -> Iterator[str]:
    secrets = load_or_create_secrets(state)

    def control_plane(url: str) -> Any:
        return build(state, ControlPorts(services=int(url.rpartition(":")[2])), secrets)

    with served(control_plane, TestAuthority.create(state.ca_certificate.parent)) as url:
        yield url


@pytest.fixture
async def http(state: StateFolder) -> AsyncIterator[httpx.AsyncClient]:
    async with new_http(outgoing_context({}, ca_files=[state.ca_certificate])) as http:
        yield http


class Landscape:
    """Starts of one application, which remember one another."""

    def __init__(self, platform: PlatformClient, url: str, folder: Path) -> None:
        self.platform, self.url, self.folder = platform, url, folder
        self.record = LandscapeRecord()
        self.security = {"xsappname": f"shop-{new_id()[:8]}", "oauth2-configuration": CREDENTIAL_TYPES}

    async def start(self, now: datetime = NOW, **parameters: object) -> Bound:
        request = BoundInstance("uaa", {name.replace("_", "-"): value for name, value in parameters.items()})
        module = Module("backend", "/modules/0", "backend", "run", bindings=(request,))
        instance = ServiceInstance("uaa", "/resources/0", "xsuaa", "application", self.security)
        descriptor = Descriptor("mta.yaml", "shop", (module,), (instance,))
        application = Application(self.folder, descriptor, LandscapeDocument(), {})
        provisioner = Provisioner(self.platform, self.record, new_id, now)
        await provisioner.create_instances(application)
        [bound] = await provisioner.bind(module, application)
        return bound

    async def bindings(self) -> list[str]:
        path = f"/entryway/v1/applications/{self.record.instances['uaa']}/bindings"
        answer = await self.platform.caller.send("GET", path)
        return [each["binding_id"] for each in answer.json_object()["bindings"]]


@pytest.fixture
def landscape(http: httpx.AsyncClient, state: StateFolder, url: str, tmp_path: Path) -> Landscape:
    platform = PlatformClient(http, url, load_or_create_secrets(state).platform_client_secret)
    return Landscape(platform, url, tmp_path)


async def test_a_start_finds_the_bindings_of_the_one_before(landscape: Landscape) -> None:
    first = await landscape.start()
    second = await landscape.start(NOW + timedelta(days=3))
    assert (second.binding_id, second.credentials) == (first.binding_id, first.credentials)


async def test_a_certificate_that_will_end_soon_makes_place_for_another(landscape: Landscape) -> None:
    first = await landscape.start()
    second = await landscape.start(NOW + timedelta(days=183))
    assert second.credentials["certificate"] != first.credentials["certificate"]
    assert second.credentials["clientid"] == first.credentials["clientid"]
    assert await landscape.bindings() == [second.binding_id]


async def test_a_certificate_that_has_ended_does_too(landscape: Landscape) -> None:
    first = await landscape.start(x509={"validity": 1})
    second = await landscape.start(NOW + timedelta(days=30), x509={"validity": 1})
    assert await landscape.bindings() == [second.binding_id] != [first.binding_id]


async def test_other_parameters_are_another_binding(landscape: Landscape) -> None:
    first = await landscape.start()
    second = await landscape.start(credential_type="binding-secret")
    assert "clientsecret" in second.credentials
    assert await landscape.bindings() == [second.binding_id] != [first.binding_id]
