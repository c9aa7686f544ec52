"""`entryway connectivity`: the cloud end of the tunnel, with the certificates and ports of a state folder."""

from __future__ import annotations

import os
from pathlib import Path

from entryway.connectivity.run import run as run_data_plane
from entryway.connectivity.settings import DataPlaneSettings
from entryway.landscape.ports import WantedPort, check_free
from entryway.landscape.record import load_record
from entryway.landscape.state import StateUnusable, open_state
from entryway.tunnel.admin import read_admin_address


def run(root: Path, admin_port: int | None = None) -> None:
    """Run the proxy and the gateway until asked to stop."""
    state = open_state(root)
    ports = load_record(state).ports
    if not state.tunnel_authority.exists():
        raise StateUnusable(f"{state.tunnel_authority} does not exist; start `entryway services --state {root}` first")
    setting = "ports in entryway.yaml"
    check_free(
        WantedPort("the on-premise proxy", ports.onpremise_proxy, f"onpremise-proxy under {setting}"),
        WantedPort("the gateway", ports.gateway, f"gateway under {setting}"),
    )
    run_data_plane(
        DataPlaneSettings(
            uaa_url=ports.public_url,
            pairing_url=ports.public_url,
            ca_file=state.ca_certificate,
            tunnel_ca_file=state.tunnel_authority,
            certificate_file=state.server_certificate,
            key_file=state.server_key,
            proxy_port=ports.onpremise_proxy,
            gateway_port=ports.gateway,
            admin=read_admin_address(os.environ, admin_port),
        )
    )
