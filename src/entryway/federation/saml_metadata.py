"""Metadata of SAML identity providers as administrators bring it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from entryway.certificates import UNREADABLE
from entryway.federation.errors import InvalidTrust
from entryway.saml.errors import SamlInvalid
from entryway.saml.metadata import read_identity_provider

if TYPE_CHECKING:
    from datetime import datetime

    from entryway.federation.configuration import SamlConfig
    from entryway.saml.metadata import IdentityProviderMetadata


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
