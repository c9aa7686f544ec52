"""The on-premise product catalogue, reached through the connectivity proxy in the user's name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from products_backend.bindings import ConnectivityService
from products_backend.calls import json_object, our_errors
from products_backend.destination import OnPremise
from products_backend.errors import MEANINGS, PriceChangeFailed, SystemFailed, SystemUnreachable
from products_backend.tokens import Tokens

ORIGIN = "on-premise system"
PROXY = "connectivity proxy"
SERVICE = "/sap/opu/odata/sap/ZENTRYWAY_PRODUCTS_SRV/"


@dataclass(frozen=True, slots=True)
class PricedProduct:
    product_id: str
    price: Decimal
    currency: str
    changed_by: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`http` must send everything to the connectivity proxy, and keep no cookies: it serves every user."""

    http: httpx.AsyncClient
    connectivity: ConnectivityService
    tokens: Tokens

    async def change_price(
        self, system: OnPremise, user_token: str, product_id: str, price: Decimal, version: str
    ) -> PricedProduct:
        """Change the price if the product still is what `version` (an ETag) says, and return what it is now."""
        headers = await self._headers(system, user_token)
        product = f"{system.url}{SERVICE}ProductSet('{product_id}')"
        csrf = await self._csrf_token(system, headers)
        change = {**headers, **csrf, "If-Match": version, "Content-Type": "application/json"}
        await self._send("MERGE", product, change, json.dumps({"Price": str(price)}).encode())
        response = await self._send("GET", product, headers)
        return parse_product(json_object(ORIGIN, response))

    async def _headers(self, system: OnPremise, user_token: str) -> dict[str, str]:
        token = await self.tokens.of_the_application(self.connectivity)
        headers = {
            "Proxy-Authorization": f"Bearer {token}",
            # No Authorization header beside it: the system would see two users.
            "SAP-Connectivity-Authentication": f"Bearer {user_token}",
            "Accept": "application/json",
        }
        if system.location:
            headers["SAP-Connectivity-SCC-Location_ID"] = system.location
        if system.client:
            headers["sap-client"] = system.client
        return headers

    async def _csrf_token(self, system: OnPremise, headers: dict[str, str]) -> dict[str, str]:
        response = await self._send("HEAD", f"{system.url}{SERVICE}", {**headers, "X-CSRF-Token": "Fetch"})
        token = response.headers.get("x-csrf-token")
        if not token:
            raise SystemFailed(ORIGIN, "gave no CSRF token")
        # Gateway systems tie the token to a session cookie. It is passed by hand.
        cookies = "; ".join(f"{name}={value}" for name, value in response.cookies.items())
        return {"X-CSRF-Token": token, **({"Cookie": cookies} if cookies else {})}

    async def _send(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> httpx.Response:
        with our_errors(PROXY):
            response = await self.http.request(method, url, headers=headers, content=body)
        if response.is_success:
            return response
        raise failure(response)


def failure(response: httpx.Response) -> PriceChangeFailed:
    """Return what a refusal means, told apart by who wrote it: the way there, or the system itself."""
    said = _message(response)
    if response.status_code in {502, 503, 504}:
        return SystemUnreachable(response.headers.get("x-error-origin", ORIGIN), said)
    if "x-error-origin" in response.headers:
        return SystemFailed(response.headers["x-error-origin"], f"answered {response.status_code}: {said}")
    meaning = MEANINGS.get(response.status_code)
    if meaning is None:
        return SystemFailed(ORIGIN, f"answered {response.status_code}: {said}")
    return meaning(ORIGIN, said)


def parse_product(answer: dict[str, Any]) -> PricedProduct:
    """Return the product of an OData V2 answer."""
    try:
        entity = answer["d"]
        return PricedProduct(entity["ProductID"], Decimal(entity["Price"]), entity["CurrencyCode"], entity["ChangedBy"])
    except (KeyError, TypeError, ArithmeticError) as error:
        raise SystemFailed(ORIGIN, "described the product in a way that cannot be read") from error


def _message(response: httpx.Response) -> str:
    """Return the sentence that says why: in the error document of OData V2 or of the proxy, or in its header."""
    try:
        message = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = response.headers.get("x-error-message")  # an answer to HEAD has no document
    text = message.get("value") if isinstance(message, dict) else message
    return text[:300] if isinstance(text, str) and text else f"answered {response.status_code}"
