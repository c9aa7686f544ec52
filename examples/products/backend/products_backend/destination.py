"""Where the on-premise system is: the destination service knows, and an administrator may change it at any time."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import httpx

from products_backend.bindings import DestinationService
from products_backend.calls import json_object, our_errors
from products_backend.errors import SystemFailed
from products_backend.tokens import Tokens

ORIGIN = "destination service"


@dataclass(frozen=True, slots=True)
class OnPremise:
    """A system behind a connector that is told who the user is."""

    url: str
    location: str
    client: str


@dataclass(frozen=True, slots=True)
class Destinations:
    http: httpx.AsyncClient
    service: DestinationService
    tokens: Tokens

    async def find(self, name: str, user_token: str) -> OnPremise:
        """Return where the destination leads, asked for as the user."""
        token = await self.tokens.of_the_user(self.service, user_token)
        url = f"{self.service.uri.rstrip('/')}/destination-configuration/v1/destinations/{quote(name, safe='')}"
        with our_errors(ORIGIN):
            response = await self.http.get(url, headers={"Authorization": f"Bearer {token}"})
        if response.status_code == 404:
            raise SystemFailed(ORIGIN, f"knows no destination {name}")
        return parse_destination(name, json_object(ORIGIN, response))


def parse_destination(name: str, answer: dict[str, object]) -> OnPremise:
    """Return the destination in an answer, or raise if it is not of the kind that this application is made for."""
    configuration = answer.get("destinationConfiguration")
    if not isinstance(configuration, dict) or not isinstance(configuration.get("URL"), str):
        raise SystemFailed(ORIGIN, f"describes {name} without a URL")
    kind = (configuration.get("ProxyType"), configuration.get("Authentication"))
    if kind != ("OnPremise", "PrincipalPropagation"):
        # Without the user's identity on the way, prices would be changed in nobody's name.
        raise SystemFailed(ORIGIN, f"{name} must be an OnPremise destination with PrincipalPropagation")
    return OnPremise(
        url=configuration["URL"].rstrip("/"),
        location=str(configuration.get("CloudConnectorLocationId") or ""),
        client=str(configuration.get("sap-client") or ""),
    )
