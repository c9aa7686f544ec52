"""The tables of this service and the revisions that lead to them."""

from __future__ import annotations

from pathlib import Path

from entryway.idp.tables import IdpTable
from entryway.storage import Schema, Sealed

SEALED = (
    Sealed("signing_keys", "sealed_private_key", lambda _: "idp-signing-key"),
    Sealed("saml_keys", "sealed_private_key", lambda _: "idp-saml-key"),
    Sealed("application_secrets", "sealed_secret", "application-secret:{application_id}".format_map),
    Sealed("application_certificates", "sealed_key", "application-certificate:{application_id}".format_map),
    Sealed("corporate_providers", "sealed_secret", "corporate-provider-secret/{id}".format_map),
    Sealed("totp", "sealed_secret", "totp:{user_id}".format_map),
    Sealed("provider_sessions", "sealed", lambda _: "provider-arrival"),
)
SCHEMA = Schema("idp", IdpTable.metadata, Path(__file__).parent / "revisions", SEALED)
