"""What a landscape remembers from one start to the next, without any secret: ports, and the ids of what it created."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from entryway.landscape.files import write_private
from entryway.landscape.state import StateFolder, StateUnusable

Port = Annotated[int, Field(ge=1, le=65535)]
NewId = Callable[[], str]
HTTPS = 443


class ControlPorts(BaseModel):
    """Where the parts that stand behind every application listen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    services: Port = 8443
    gateway: Port = 8444
    onpremise_proxy: Port = 20003
    identity_provider: Port = 8445
    certificates: Port | None = None

    @property
    def public_url(self) -> str:
        """How everybody reaches the control plane."""
        return _address(self.services)

    @property
    def one_for_all(self) -> bool:
        """Whether clients show certificates at the control plane's own port."""
        return self.certificates == self.services

    @property
    def certificate_url(self) -> str:
        """How clients with a TLS certificate reach the authorization server, where it has a port for them."""
        return _address(self.certificates)

    @property
    def identity_provider_url(self) -> str:
        """How everybody reaches the identity provider, where there is one."""
        return _address(self.identity_provider)


def _address(port: int | None) -> str:
    # Some libraries compare the bare host of a token's keys with `uaadomain`: what goes without saying is not said.
    return "https://localhost" if port == HTTPS else f"https://localhost:{port}"


class LandscapeRecord(BaseModel):
    """The file `landscape.json`; what another version has written besides is left out."""

    model_config = ConfigDict(extra="ignore")

    ports: ControlPorts = ControlPorts()
    applications: dict[str, str] = {}
    instances: dict[str, str] = {}
    bindings: dict[str, str] = {}
    users: list[str] = []

    def application_id(self, name: str, new_id: NewId) -> str:
        """Return the id of an application, the same one at every start."""
        return self.applications.setdefault(name, new_id())

    def instance_id(self, name: str, new_id: NewId) -> str:
        """Return the id of a service instance, the same one at every start."""
        return self.instances.setdefault(name, new_id())

    def binding_id(self, application: str, instance: str, new_id: NewId) -> str:
        """Return the id of the binding of an instance to an application, the same one at every start."""
        return self.bindings.setdefault(f"{application}/{instance}", new_id())

    def replace_binding(self, application: str, instance: str, new_id: NewId) -> str:
        """Return a new id for the binding of an instance to an application, from now on."""
        self.bindings.pop(f"{application}/{instance}", None)
        return self.binding_id(application, instance, new_id)


def new_id() -> str:
    """Return an id made by chance."""
    return str(uuid.uuid4())


def load_record(state: StateFolder) -> LandscapeRecord:
    """Return what the landscape remembers, nothing at the first start."""
    try:
        return LandscapeRecord.model_validate_json(state.landscape_file.read_bytes())
    except FileNotFoundError:
        return LandscapeRecord()
    except (OSError, ValidationError) as error:
        raise StateUnusable(
            f"{state.landscape_file} is damaged; bring it back, or remove {state.root} to start anew"
        ) from error


def save_record(state: StateFolder, record: LandscapeRecord) -> None:
    """Keep what the landscape remembers."""
    write_private(state.landscape_file, (record.model_dump_json(indent=2) + "\n").encode())
