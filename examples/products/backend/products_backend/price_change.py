"""The story of one change: find the system, then change the price there as the user."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from products_backend.catalogue import Catalogue, PricedProduct
from products_backend.destination import Destinations


@dataclass(frozen=True, slots=True)
class PriceChanges:
    destinations: Destinations
    catalogue: Catalogue
    destination_name: str

    async def change(self, user_token: str, product_id: str, price: Decimal, version: str) -> PricedProduct:
        system = await self.destinations.find(self.destination_name, user_token)
        return await self.catalogue.change_price(system, user_token, product_id, price, version)
