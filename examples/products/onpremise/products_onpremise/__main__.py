"""`python -m products_onpremise`: the only file that names concrete classes."""

from __future__ import annotations

import logging
import os
import secrets
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from cryptography import x509

from products_onpremise.app import Endpoint, build
from products_onpremise.editors import Editors
from products_onpremise.prices import Prices
from products_onpremise.products import catalogue
from products_onpremise.service import Service
from products_onpremise.settings import Settings, SettingsError, read_settings
from products_onpremise.tls import connector_only


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        settings = read_settings(os.environ, home=Path.cwd())
        server = uvicorn.Server(_config(settings))
    except (SettingsError, OSError, ValueError) as error:
        logging.getLogger("products_onpremise").error("cannot start: %s", error)  # noqa: TRY400 -- for a person
        return 2
    server.run()
    return 0


def _config(settings: Settings) -> uvicorn.Config:
    settings.data.mkdir(parents=True, exist_ok=True)
    service = Service(catalogue(), Prices(settings.data / "prices.json"), Editors(settings.editors), _now)
    endpoint = Endpoint(
        service=service,
        authority=x509.load_pem_x509_certificate(settings.user_authority.read_bytes()),
        csrf_key=secrets.token_bytes(32),
        clock=_now,
        new_boundary=lambda: f"batch_{secrets.token_hex(16)}",
    )
    return uvicorn.Config(
        build(endpoint),
        host=settings.host,
        port=settings.port,
        http=connector_only(settings.connector_subject),
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        ssl_cert_reqs=ssl.CERT_REQUIRED,
        ssl_ca_certs=str(settings.connector_authority),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
