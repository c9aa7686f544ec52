"""`python -m products_backend`: the only file that names concrete classes."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
import uvicorn
from entryway.errors import EntrywayError
from entryway.security import find_credentials
from fastapi import FastAPI

from products_backend.api import build
from products_backend.bindings import Bindings, BindingsError, read_bindings
from products_backend.catalogue import Catalogue
from products_backend.destination import Destinations
from products_backend.price_change import PriceChanges
from products_backend.tokens import Tokens

TIMEOUT_SECONDS = 20.0


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        find_credentials()  # without them nobody can be let in: better told now than with the first request
        bindings = read_bindings(os.environ)
        port = int(os.environ["PORT"])
    except (BindingsError, EntrywayError, KeyError, ValueError) as error:
        logging.getLogger("products_backend").error("cannot start: %r", error)  # noqa: TRY400 -- for a person
        return 2
    app = _application(bindings, os.environ.get("ONPREMISE_DESTINATION", "products-onpremise"))
    host = os.environ.get("HOST", "localhost")
    uvicorn.run(app, host=host, port=port, log_config=None, access_log=False, server_header=False, proxy_headers=False)
    return 0


def _application(bindings: Bindings, destination_name: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as services,
            # Not the environment's proxies: the only way to the system is the connectivity proxy.
            httpx.AsyncClient(
                proxy=bindings.connectivity.proxy_url, trust_env=False, timeout=TIMEOUT_SECONDS, cookies=_no_cookies()
            ) as on_premise,
        ):
            tokens = Tokens(services, time.monotonic)
            app.state.price_changes = PriceChanges(
                Destinations(services, bindings.destination, tokens),
                Catalogue(on_premise, bindings.connectivity, tokens),
                destination_name,
            )
            yield

    return build(lifespan)


def _no_cookies() -> CookieJar:
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


if __name__ == "__main__":
    sys.exit(main())
