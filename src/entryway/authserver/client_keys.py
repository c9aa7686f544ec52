"""The public keys of clients that sign assertions: written in the descriptor, or fetched from where it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.oauth import client_assertions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entryway.authserver.client import Client
    from entryway.clients.published_keys import PublishedKeys
    from entryway.oauth.client_assertions import Key


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """Finds the keys of a client in both places."""

    published: PublishedKeys

    async def of(self, client: Client, kid: str | None) -> Sequence[tuple[str | None, Key]]:
        """Return the keys of a client, which should hold the one named `kid`."""
        own = client_assertions.keys_of(client.jwks)
        if client.jwks_uri is None:
            return own
        return [*own, *await self.published.at(client.jwks_uri, kid)]
