"""Metadata of SAML parties as administrators bring it, or as its address has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from entryway.certificates import UNREADABLE
from entryway.clients.http import call
from entryway.errors import UpstreamError
from entryway.federation.configuration import LONGEST_METADATA
from entryway.federation.errors import InvalidTrust
from entryway.saml.errors import SamlInvalid
from entryway.saml.metadata import read_identity_provider

if TYPE_CHECKING:
    from datetime import datetime

    from entryway.clients.http import HttpClient
    from entryway.federation.configuration import SamlConfig
    from entryway.saml.metadata import IdentityProviderMetadata

_METADATA = "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.8"


async def fetch_metadata(http: HttpClient, url: str, setting: str) -> str:
    """Return the document at an address, or raise InvalidTrust about the setting that has it."""
    try:
        answer = await call(http, "GET", url, headers={"accept": _METADATA}, limit=LONGEST_METADATA)
        document = answer.content.decode("utf-8")
    except (UpstreamError, UnicodeDecodeError) as error:
        reason = error.detail if isinstance(error, UpstreamError) else "what it answers is no text"
        raise InvalidTrust(f"{setting}: {reason}") from error
    if answer.status != 200:
        raise InvalidTrust(f"{setting}: {answer.origin} answered {answer.status}")
    return document


def check_metadata(config: SamlConfig, now: datetime) -> IdentityProviderMetadata:
    """Return what metadata says that an administrator brings, or raise InvalidTrust."""
    try:
        trusted = None
        if config.metadata_certificate is not None:
            trusted = x509.load_pem_x509_certificate(config.metadata_certificate.encode())
        return read_identity_provider(config.metadata, now, trusted=trusted)
    except SamlInvalid as error:
        raise InvalidTrust(f"/config/metadata: {error.detail}") from error
    except UNREADABLE as error:
        raise InvalidTrust("/config/metadata_certificate: not a certificate in PEM") from error
