"""That a user let a client act, in its three forms: for the endpoints, in its table, and sealed in a refresh token."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from entryway.authserver import tables
from entryway.authserver.sealed_refresh_tokens import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles what that costs
class Authorization:
    """A user let a client act; `granted_scopes` is None until the first token."""

    id: str
    zid: str
    client_id: str
    user_id: str
    grant_type: str
    requested_scopes: frozenset[str]
    authenticated_at: datetime
    granted_scopes: frozenset[str] | None = None
    nonce: str | None = None
    additional: Mapping[str, str] = field(default_factory=dict)
    revocation_signature: str | None = None
    stored: bool = False
    # When it ends in seconds, for one that is not stored but sealed into its refresh token.
    sealed_until: float | None = None


def new_authorization(
    *,
    zid: str,
    client_id: str,
    user_id: str,
    grant_type: str,
    authenticated_at: datetime,
    requested_scopes: AbstractSet[str] = frozenset(),
    nonce: str | None = None,
    additional: Mapping[str, str] | None = None,
) -> Authorization:
    """Return an authorization that is not stored yet."""
    return Authorization(
        id=secrets.token_hex(16),
        zid=zid,
        client_id=client_id,
        user_id=user_id,
        grant_type=grant_type,
        requested_scopes=frozenset(requested_scopes),
        authenticated_at=authenticated_at,
        nonce=nonce,
        additional=additional or {},
    )


def row_of(authorization: Authorization, expires_at: datetime) -> tables.Authorization:
    """Return the row of an authorization with which nothing was granted yet."""
    return tables.Authorization(
        id=authorization.id,
        zid=authorization.zid,
        client_id=authorization.client_id,
        user_id=authorization.user_id,
        grant_type=authorization.grant_type,
        granted_scopes=None,
        requested_scopes=sorted(authorization.requested_scopes),
        nonce=authorization.nonce,
        additional=dict(authorization.additional),
        authenticated_at=authorization.authenticated_at,
        revocation_signature=None,
        expires_at=expires_at,
        revoked_at=None,
    )


def stored_authorization(row: tables.Authorization) -> Authorization:
    """Return what a row says."""
    return Authorization(
        id=row.id,
        zid=row.zid,
        client_id=row.client_id,
        user_id=row.user_id,
        grant_type=row.grant_type,
        requested_scopes=frozenset(row.requested_scopes),
        authenticated_at=row.authenticated_at,
        granted_scopes=None if row.granted_scopes is None else frozenset(row.granted_scopes),
        nonce=row.nonce,
        additional=row.additional,
        revocation_signature=row.revocation_signature,
        stored=True,
    )


def sealed_form(
    authorization: Authorization, scopes: AbstractSet[str], signature: str, now: datetime, until: datetime
) -> dict[str, Any]:
    """Return what a sealed refresh token holds of an authorization, with what was granted."""
    return {
        "id": authorization.id,
        "client": authorization.client_id,
        "user": authorization.user_id,
        "grant": authorization.grant_type,
        "scopes": sorted(scopes),
        "authenticated": authorization.authenticated_at.timestamp(),
        "additional": dict(authorization.additional),
        "signature": signature,
        "issued": now.timestamp(),
        "until": until.timestamp(),
    }


def unsealed_authorization(zid: str, content: Mapping[str, Any]) -> Authorization:
    """Return what a sealed refresh token holds."""
    return Authorization(
        id=content["id"],
        zid=zid,
        client_id=content["client"],
        user_id=content["user"],
        grant_type=content["grant"],
        requested_scopes=frozenset(),
        authenticated_at=moment(content["authenticated"]),
        granted_scopes=frozenset(content["scopes"]),
        additional=content["additional"],
        revocation_signature=content["signature"],
        sealed_until=content["until"],
    )
