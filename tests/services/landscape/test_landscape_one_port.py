"""The control plane at one port that asks for certificates, for libraries that know no other."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from entryway.config.landscape_file import PortsDocument
from entryway.landscape.plan import control_ports
from entryway.landscape.record import ControlPorts
from entryway.landscape.secrets import load_or_create_secrets
from entryway.landscape.serve import Endpoint
from entryway.landscape.services import build, tls_at
from entryway.landscape.state import StateFolder, open_state
from entryway.landscape.tenant_names import TenantNames
from entryway.testing.authority import TestAuthority
from entryway.testing.serving import served_by_us

APPLICATION = "/entryway/v1/applications/0b6f6f5e-0000-4000-8000-000000000001"
SECURITY = {"xsappname": "shop", "oauth2-configuration": {"credential-types": ["x509"]}}


@contextmanager
def at_one_port(state: StateFolder) -> Iterator[httpx.Client]:
    authority, names = TestAuthority.create(state.ca_certificate.parent), TenantNames(state, lambda: datetime.now(UTC))
    secrets = load_or_create_secrets(state)

    def ports(number: int) -> ControlPorts:
        return ControlPorts(services=number, certificates=number)

    def tls(endpoint: Endpoint) -> ssl.SSLContext:
        return tls_at(ports(endpoint.port), names)(endpoint)

    def control_plane(url: str) -> Any:
        return build(state, ports(int(url.rpartition(":")[2])), secrets)

    with (
        served_by_us(control_plane, authority, tls) as url,
        httpx.Client(base_url=url, verify=trusting(state), trust_env=False) as client,
    ):
        form = {"grant_type": "client_credentials"}
        answer = client.post("/oauth/token", data=form, auth=("entryway-platform", secrets.platform_client_secret))
        client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def trusting(state: StateFolder) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(state.ca_certificate))


def test_a_client_shows_its_certificate_at_the_port_that_it_knows(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    with at_one_port(state) as platform:
        assert platform.put(APPLICATION, json={"plan": "application", "xs_security": SECURITY}).status_code == 201
        parameters = {"parameters": {"credential-type": "x509"}}
        binding = platform.put(f"{APPLICATION}/bindings/b", json=parameters).json()
        assert binding["certurl"] == binding["url"] == str(platform.base_url)
        certificate = tmp_path / "binding.pem"
        certificate.write_text(binding["certificate"] + binding["key"])
        certified = trusting(state)
        certified.load_cert_chain(certificate)
        form = {"grant_type": "client_credentials", "client_id": binding["clientid"]}
        headers = {"x-zid": binding["zoneid"]}
        for context, status in ((certified, 200), (trusting(state), 401)):
            answer = httpx.post(f"{binding['url']}/oauth/token", data=form, headers=headers, verify=context)
            assert answer.status_code == status


@pytest.mark.parametrize(("certificates", "one"), [(9443, True), (9446, False), (None, False)])
def test_it_asks_only_where_both_have_the_same_number(certificates: int | None, *, one: bool) -> None:
    ports = control_ports(PortsDocument(services=9443, certificates=certificates), {})
    assert ports.one_for_all is one
