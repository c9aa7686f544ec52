"""The tables of this service and the revisions that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entryway.authserver.tables import AuthServerTable
from entryway.storage import Schema, Sealed

PLATFORM = "entryway-platform"


def _of_binding(row: Mapping[str, Any]) -> str:
    return "binding-secret/{zid}/{instance_id}/{binding_id}".format_map(row)


def _of_binding_secret(row: Mapping[str, Any]) -> str:
    # The landscape's own client has a binding that nobody is told.
    return PLATFORM if row["binding_id"] == PLATFORM else _of_binding(row)


SEALED = (
    Sealed("signing_keys", "sealed_private_key", lambda _: "authserver-signing-key"),
    Sealed("binding_secrets", "sealed_secret", _of_binding_secret),
    Sealed("binding_certificates", "sealed_key", _of_binding),
    Sealed("binding_authorities", "sealed_key", "binding-authority/{zid}".format_map),
    Sealed("identity_providers", "sealed_secret", "identity-provider-secret/{zid}/{origin}".format_map),
    Sealed("saml_keys", "sealed_private_key", "saml-key/{zid}".format_map),
    Sealed("provider_sessions", "sealed", "provider-session/{zid}".format_map),
)
SCHEMA = Schema("authserver", AuthServerTable.metadata, Path(__file__).parent / "revisions", SEALED)
