"""What has changed in which tenant, and which tables that is told of."""

from __future__ import annotations

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable
from entryway.storage import Watched

# What a tenant consists of, the people in it, and what of theirs has ended before its time: three subjects, because
# people come and go and tokens end far more often than anything else changes.
TENANT, PEOPLE, ENDED = "tenant", "people", "ended"
_EVERYBODY = None  # applications reach across tenants: by grants, by references and by subscriptions

WATCHED = {
    "zones": Watched(_EVERYBODY),
    "tenant_domains": Watched(_EVERYBODY),
    "subscriptions": Watched(_EVERYBODY),
    "applications": Watched(_EVERYBODY),
    "scopes": Watched(_EVERYBODY),
    "scope_grants": Watched(_EVERYBODY),
    "clients": Watched(_EVERYBODY),
    "binding_secrets": Watched(_EVERYBODY),
    "binding_certificates": Watched(_EVERYBODY),
    "token_policies": Watched(TENANT),
    "signing_keys": Watched(TENANT),
    "identity_providers": Watched(TENANT),
    "role_templates": Watched(TENANT),
    "role_template_scopes": Watched(TENANT),
    "roles": Watched(TENANT),
    "role_collections": Watched(TENANT),
    "role_collection_references": Watched(TENANT),
    "role_mappings": Watched(TENANT),
    "role_assignments": Watched(PEOPLE),
    # Every logon writes these columns, and no token says anything of them but the id_token of that logon.
    "users": Watched(PEOPLE, dull=frozenset({"updated_at", "last_logon_at", "previous_logon_at"})),
    "user_attributes": Watched(PEOPLE, dull=frozenset({"noted_at"})),
    "revoked_tokens": Watched(ENDED),
}


class Revision(AuthServerTable):
    """How often a subject of a tenant has changed; an empty `zid` stands for everybody."""

    __tablename__ = "revisions"
    zid: Mapped[str] = mapped_column(String(36), primary_key=True)
    subject: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
