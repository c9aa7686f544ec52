"""Reads a client from the tables of its tenant, with the scopes that others grant it and what proves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from entryway.authserver import tables
from entryway.authserver.client import Client, allowed_authorities, allowed_user_scopes
from entryway.authserver.token_policies import JWT, policy_of
from entryway.config import redirect_patterns
from entryway.config import xs_security_references as references
from entryway.oauth.client_certificates import AcceptedCertificate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import InstrumentedAttribute

ACCESS_VALIDITY = 43200
REFRESH_VALIDITY = 604800
_END_OF_LEAF = "-----END CERTIFICATE-----\n"


@dataclass(frozen=True, slots=True)
class _Grant:
    """A scope that an application grants to another, and the other names that it may be accepted by."""

    scope: str
    kind: str
    aliases: tuple[str, ...]


async def load_client(session: AsyncSession, zid: str, column: InstrumentedAttribute[str], value: str) -> Client | None:
    """Return the client of a tenant whose row has this value in a column."""
    application = tables.Application
    query = (
        select(tables.ClientRow, application)
        .join(
            application,
            (application.zid == tables.ClientRow.zid) & (application.instance_id == tables.ClientRow.instance_id),
        )
        .where(tables.ClientRow.zid == zid, column == value)
    )
    found = (await session.execute(query)).first()
    if found is None:
        return None
    row, of = found
    policy = await policy_of(session, zid)
    own = of.master or of.xsappname
    declared = select(tables.Scope.name).join(
        application, (application.zid == tables.Scope.zid) & (application.instance_id == tables.Scope.instance_id)
    )
    own_scopes = (
        (await session.execute(declared.where(tables.Scope.zid == zid, application.xsappname == own))).scalars().all()
    )
    inherits = of.plan != "clone" or of.descriptor.get("authorities-inheritance", True)
    grants = await _grants(session, of, own)
    known = {alias: grant.scope for grant in grants for alias in grant.aliases}
    return Client(
        id=row.client_id,
        zid=zid,
        instance_id=row.instance_id,
        xsappname=of.xsappname,
        application=own,
        plan=of.plan,
        access_validity=timedelta(seconds=row.access_validity or policy.access_validity or ACCESS_VALIDITY),
        refresh_validity=timedelta(seconds=row.refresh_validity or policy.refresh_validity or REFRESH_VALIDITY),
        redirect_patterns=tuple(filter(None, map(redirect_patterns.parse, row.redirect_uris))),
        grant_types=frozenset(row.grant_types),
        user_scopes=allowed_user_scopes(
            own_scopes,
            [grant.scope for grant in grants if grant.kind == "user"],
            [known.get(text, text) for text in row.foreign_scopes],
        )
        # Programs of administrators act for users, too: what both may.
        | (frozenset(row.authorities) if of.plan == "apiaccess" else frozenset()),
        authorities=allowed_authorities(
            of.plan,
            # What a service grants itself is an authority as well.
            own_scopes if inherits else (),
            [grant.scope for grant in grants if grant.kind == "authority"],
            [known.get(text, text) for text in row.authorities],
        ),
        system_attributes=frozenset(row.system_attributes),
        allowed_providers=None if row.allowed_providers is None else frozenset(row.allowed_providers),
        public=row.public,
        rotates_refresh_tokens=row.public or policy.rotates,
        signs_refresh_tokens=policy.refresh_format == JWT,
        jwks=tuple(row.jwks),
        jwks_uri=row.jwks_uri,
        aliases=known,
        token_salt=row.token_salt,
        bindings_zid=of.provider_zid or zid,
    )


async def _grants(session: AsyncSession, of: tables.Application, own: str) -> Sequence[_Grant]:
    """Return the scopes that applications grant to this one, by whichever name they know it.

    A join now and not when it was deployed: either side may have come, gone or been renamed since.
    """
    grant, giver, zone = tables.ScopeGrant, tables.Application, tables.Zone
    subdomain = (await session.execute(select(zone.subdomain).where(zone.id == of.zid))).scalar_one()
    plan = "broker" if of.master is not None else of.plan
    from_elsewhere, service = references.aliases(own, plan, subdomain, of.instance_name)
    names = {own, of.xsappname, *filter(None, [service])}
    query = (
        select(grant.scope, grant.kind, giver.xsappname, giver.plan, giver.instance_name, giver.zid, zone.subdomain)
        .join(giver, (giver.zid == grant.zid) & (giver.instance_id == grant.instance_id))
        .join(zone, zone.id == grant.zid)
        .where(or_((grant.zid == of.zid) & grant.grantee.in_(names), grant.grantee == from_elsewhere))
    )
    found = []
    for scope, kind, name, of_plan, instance_name, zid, label in (await session.execute(query)).all():
        elsewhere, by_service = references.aliases(name, of_plan, label, instance_name)
        local = scope.removeprefix(name)
        here = by_service if zid == of.zid else None
        found.append(_Grant(scope, kind, tuple(f"{alias}{local}" for alias in filter(None, [elsewhere, here]))))
    return found


async def load_digests(session: AsyncSession, zid: str, instance_id: str) -> Sequence[bytes]:
    """Return the digests of the secrets of a client's bindings."""
    query = select(tables.BindingSecret.digest).where(
        tables.BindingSecret.zid == zid, tables.BindingSecret.instance_id == instance_id
    )
    return (await session.execute(query)).scalars().all()


async def load_certificates(session: AsyncSession, zid: str, instance_id: str) -> Sequence[AcceptedCertificate]:
    """Return the certificates of a client's bindings."""
    table = tables.BindingCertificate
    query = select(table).where(table.zid == zid, table.instance_id == instance_id)
    return [
        AcceptedCertificate(
            row.thumbprint,
            row.pinned,
            row.subject,
            row.issuer,
            row.issued_at,
            # The leaf stands first.
            "" if row.pinned else row.certificate.partition(_END_OF_LEAF)[2],
        )
        for row in (await session.execute(query)).scalars()
    ]
