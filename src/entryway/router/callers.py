"""HTTP clients for what the router asks by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from entryway.clients.http import HttpClient, new_http
from entryway.clients.tls import load_client_certificate, outgoing_context
from entryway.http import Client, PoolLimits
from entryway.router.build_login import (
    ProvesItself,
)


@dataclass(slots=True, eq=False)
class Callers:
    """HTTP clients for what the router asks by itself: one, and one more for each binding with a certificate."""

    environ: Mapping[str, str] = field(repr=False)
    plain: HttpClient
    engine: Callable[[PoolLimits], Client]
    certified: list[HttpClient] = field(default_factory=list)

    def client_for(self, credentials: ProvesItself) -> HttpClient:
        """Return the client that can prove who we are with these credentials."""
        if credentials.secret is not None or credentials.certificate is None or credentials.key is None:
            return self.plain
        context = outgoing_context(self.environ)
        load_client_certificate(context, credentials.certificate, credentials.key.get_secret_value())
        self.certified.append(new_http(context, engine=self.engine))
        return self.certified[-1]

    async def close(self) -> None:
        """Close every connection."""
        for http in (self.plain, *self.certified):
            await http.aclose()
