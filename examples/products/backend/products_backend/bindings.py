"""The services bound to this application, read once from `VCAP_SERVICES`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError


class BindingsError(Exception):
    """A service that this application cannot do without is not bound, or its binding lacks something."""


class OAuthClient(BaseModel):
    """Who we are to one service."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    clientid: str
    clientsecret: SecretStr
    url: str

    @property
    def token_url(self) -> str:
        return f"{self.url.rstrip('/')}/oauth/token"


class DestinationService(OAuthClient):
    uri: str


class ConnectivityService(OAuthClient):
    onpremise_proxy_host: str
    onpremise_proxy_port: int = Field(ge=1, le=65535)

    @property
    def proxy_url(self) -> str:
        return f"http://{self.onpremise_proxy_host}:{self.onpremise_proxy_port}"


@dataclass(frozen=True, slots=True)
class Bindings:
    destination: DestinationService
    connectivity: ConnectivityService


Service = TypeVar("Service", bound=OAuthClient)


def read_bindings(environ: Mapping[str, str]) -> Bindings:
    """Return the bindings that this application needs, or name what is missing."""
    try:
        services = json.loads(environ.get("VCAP_SERVICES") or "{}")
    except ValueError:
        # The text holds secrets, which the original error would show.
        raise BindingsError("VCAP_SERVICES is not JSON") from None
    return Bindings(
        _first(services, "destination", DestinationService), _first(services, "connectivity", ConnectivityService)
    )


def _first(services: Mapping[str, Any], label: str, model: type[Service]) -> Service:
    entries = services.get(label) or []
    if not entries:
        raise BindingsError(f"no {label} service is bound (VCAP_SERVICES)")
    try:
        return model.model_validate(entries[0].get("credentials"))
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, each["loc"])) for each in error.errors(include_input=False))
        raise BindingsError(f"the binding of the {label} service is not usable: {wrong}") from None
