"""The environment of a module, as its platform would give it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from entryway.config.descriptor import USER_PROVIDED, BoundInstance, Module, ServiceInstance
from entryway.config.vcap import SERVICE_TAGS
from entryway.landscape.state import StateFolder

# What the shell that runs `entryway up` has of these would contradict what the landscape says.
NOT_INHERITED = frozenset({"PORT", "HOST", "destinations", "SERVICE_BINDING_ROOT", "ENTRYWAY_LOG_FORMAT", "PYTHONHOME"})
NOT_INHERITED_PREFIXES = ("VCAP_", "CF_INSTANCE_", "ENTRYWAY_TLS_")
LOCAL_HOSTS = "localhost,127.0.0.1,::1"
NODE_MEMORY_MB = 512


@dataclass(frozen=True, slots=True)
class Bound:
    """A service instance that is bound to a module, with the credentials it got."""

    instance: ServiceInstance
    instance_id: str
    binding_id: str
    request: BoundInstance
    credentials: Mapping[str, Any] = field(repr=False)

    def as_service(self) -> dict[str, Any]:
        """Return the entry of VCAP_SERVICES."""
        return {
            "binding_guid": self.binding_id,
            "binding_name": self.request.binding_name,
            "instance_guid": self.instance_id,
            "instance_name": self.instance.name,
            "name": self.request.binding_name or self.instance.name,
            "label": self.instance.service,
            "plan": self.instance.plan,
            "tags": list(SERVICE_TAGS.get(self.instance.service or "", ())),
            "provider": None,
            "credentials": dict(self.credentials),
            "syslog_drain_url": None,
            "volume_mounts": [],
        }


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a process of the landscape may have of the environment of `entryway up`."""
    return {
        name: value
        for name, value in environ.items()
        if name not in NOT_INHERITED and not name.startswith(NOT_INHERITED_PREFIXES)
    }


def trust_variables(state: StateFolder) -> dict[str, str]:
    """Return the variables in which HTTP clients find whom to believe: the landscape, and everybody else as before."""
    return {
        "SSL_CERT_FILE": str(state.ca_bundle),
        "REQUESTS_CA_BUNDLE": str(state.ca_bundle),
        "NODE_EXTRA_CA_CERTS": str(state.ca_certificate),
    }


def trusting(environ: Mapping[str, str], state: StateFolder) -> dict[str, str]:
    """Return the environment with trust in the landscape, and no company's proxy between its parts."""
    proxied_not = ",".join(filter(None, [environ.get("NO_PROXY") or environ.get("no_proxy"), LOCAL_HOSTS]))
    return {**environ, **trust_variables(state), "NO_PROXY": proxied_not, "no_proxy": proxied_not}


def vcap_services(bound: Iterable[Bound]) -> dict[str, list[dict[str, Any]]]:
    """Return the value of VCAP_SERVICES."""
    services: dict[str, list[dict[str, Any]]] = {}
    for each in bound:
        services.setdefault(each.instance.service or USER_PROVIDED, []).append(each.as_service())
    return services


def vcap_application(module: Module, application_id: str, port: int) -> dict[str, Any]:
    """Return the value of VCAP_APPLICATION."""
    uris = [f"localhost:{port}"]
    return {
        "application_id": application_id,
        "application_name": module.name,
        "application_uris": uris,
        "application_version": application_id,
        "cf_api": "",
        "host": "127.0.0.1",
        "instance_id": application_id,
        "instance_index": 0,
        "limits": {"disk": 1024, "fds": 16384, "mem": NODE_MEMORY_MB},
        "name": module.name,
        "organization_id": "local",
        "organization_name": "local",
        "port": port,
        "process_id": application_id,
        "process_type": "web",
        "space_id": "local",
        "space_name": "local",
        "uris": uris,
        "users": None,
        "version": application_id,
    }


def module_environment(module: Module, port: int, application_id: str, bound: Iterable[Bound]) -> dict[str, str]:
    """Return what the landscape adds to the environment of a module; its own properties do not win over it."""
    return {
        **module.environment,
        "PORT": str(port),
        "VCAP_APP_PORT": str(port),
        "VCAP_SERVICES": json.dumps(vcap_services(bound)),
        "VCAP_APPLICATION": json.dumps(vcap_application(module, application_id, port)),
        "CF_INSTANCE_INDEX": "0",
        "CF_INSTANCE_GUID": application_id,
        "CF_INSTANCE_IP": "127.0.0.1",
        "CF_INSTANCE_INTERNAL_IP": "127.0.0.1",
        "CF_INSTANCE_PORT": str(port),
        "CF_INSTANCE_ADDR": f"127.0.0.1:{port}",
        "INSTANCE_GUID": application_id,
        "INSTANCE_INDEX": "0",
        "MEMORY_LIMIT": f"{NODE_MEMORY_MB}m",
    }
