"""The connector's next certificate: fetched while the one before is good, without leaving the tunnel."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from entryway.certificates import new_key
from entryway.clients.http import call, new_http
from entryway.clients.tls import outgoing_context
from entryway.config.mistakes import ConfigurationMistakes
from entryway.connector.configuration import ConnectorConfiguration, IdentitySection, PairingSection
from entryway.connector.dialling import Dialler, gateway_of
from entryway.connector.file import parse_configuration, read_document, write_document
from entryway.connector.keys import certificate_request
from entryway.connector.pair import note_identity, read_pairing
from entryway.errors import EntrywayError, UpstreamError
from entryway.telemetry import get_logger
from entryway.tunnel.contexts import load_authorities
from entryway.tunnel.pairing import RENEWAL_PATH, Pairing, RenewalRequest, to_sign

log = get_logger("connector")

FIRST_RETRY = timedelta(minutes=1)
# Machines sleep: nothing is waited for longer than this without a look at the clock.
LONGEST_WAIT = timedelta(hours=1)


def until_due(certificate: x509.Certificate, now: datetime) -> timedelta:
    """Return how long there is nothing to do: until a third of the certificate's time is left."""
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return max(certificate.not_valid_after_utc - lifetime / 3 - now, timedelta())


def retry_after(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row."""
    minutes: int = 2 ** min(failures - 1, 10)
    return min(FIRST_RETRY * minutes, LONGEST_WAIT)


@dataclass(slots=True)
class Renewal:
    """Renews the certificate in a connector's file; what else the file says stays."""

    file: Path
    now: Callable[[], datetime]
    failures: int = 0

    async def keep(self, dialler: Dialler) -> None:
        """Renew whenever it is time, until cancelled."""
        while True:  # noqa: ASYNC110 - time is what is waited for
            await asyncio.sleep((await self.attend(dialler)).total_seconds())

    async def attend(self, dialler: Dialler) -> timedelta:
        """Renew if it is time, and return when to look again."""
        try:
            pause = await self._attend(dialler)
        except (EntrywayError, ConfigurationMistakes, OSError, ValueError) as error:
            self.failures += 1
            log.warning("connector_not_renewed", reason=str(error), attempt=self.failures)
            return retry_after(self.failures)
        self.failures = 0
        return min(pause, LONGEST_WAIT)

    async def _attend(self, dialler: Dialler) -> timedelta:
        _, configuration = self._read()
        identity, pairing = configuration.identity, configuration.pairing
        if identity is None:
            return LONGEST_WAIT
        pause = until_due(_certificate(identity), self.now())
        if pause:
            return pause
        if pairing is None:
            raise UpstreamError("the pairing API", "the file does not say where it is: pair the connector again")
        await self._renew(dialler, identity, pairing)
        return FIRST_RETRY

    async def _renew(self, dialler: Dialler, identity: IdentitySection, pairing: PairingSection) -> None:
        key = new_key()
        renewed = await _ask(identity, pairing, key)
        # Read again: an administrator may have changed the file meanwhile.
        document, _ = self._read()
        note_identity(document, renewed, key)
        configuration = parse_configuration(document, self.file)
        if configuration.gateway is None or configuration.identity is None:
            raise UpstreamError(pairing.url, "the answer names no gateway")
        gateway = gateway_of(configuration.gateway, configuration.identity)
        write_document(self.file, document)
        dialler.use(gateway)
        log.info("connector_renewed", connector_id=renewed.connector_id, expires_at=renewed.expires_at.isoformat())

    def _read(self) -> tuple[dict[str, object], ConnectorConfiguration]:
        document = read_document(self.file)
        return document, parse_configuration(document, self.file)


@asynccontextmanager
async def renewed(renewal: Renewal | None, dialler: Dialler) -> AsyncIterator[None]:
    """Keep a connector's certificate in force as long as the block lasts."""
    if renewal is None:
        yield
        return
    keeping = asyncio.create_task(renewal.keep(dialler))
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def _ask(identity: IdentitySection, pairing: PairingSection, key: ec.EllipticCurvePrivateKey) -> Pairing:
    held = serialization.load_pem_private_key(identity.private_key.get_secret_value().encode(), None)
    if not isinstance(held, ec.EllipticCurvePrivateKey):
        raise UpstreamError(pairing.url, "the connector's key is not one that this connector made: pair it again")
    csr = certificate_request(key)
    signed = held.sign(to_sign(x509.load_pem_x509_csr(csr.encode())), ec.ECDSA(hashes.SHA256()))
    signature = base64.b64encode(signed).decode()
    request = RenewalRequest(certificate=identity.certificate, csr=csr, signature=signature)
    context = outgoing_context(os.environ)
    if pairing.trust is not None:
        load_authorities(context, pairing.trust)
    async with new_http(context) as http:
        answer = await call(http, "POST", pairing.url + RENEWAL_PATH, json=request.model_dump(mode="json"))
    renewed = read_pairing(answer)
    if (renewed.connector_id, renewed.zid) != (identity.connector_id, identity.zid):
        raise UpstreamError(answer.origin, "the certificate is another connector's")
    return renewed


def _certificate(identity: IdentitySection) -> x509.Certificate:
    return x509.load_pem_x509_certificate(identity.certificate.encode())
