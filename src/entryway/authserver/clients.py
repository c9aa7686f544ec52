"""OAuth clients: who they are, what they may ask for, and how they prove it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select, update

from entryway.authserver import tables
from entryway.authserver.token_policies import JWT, policy_of
from entryway.config import redirect_patterns
from entryway.config import xs_security_references as references
from entryway.config.xs_security_references import ACCEPT_GRANTED_AUTHORITIES, ACCEPT_GRANTED_SCOPES
from entryway.oauth import scopes
from entryway.oauth.client_certificates import AcceptedCertificate
from entryway.oauth.errors import BadCredentials
from entryway.storage import UNNOTICED, Remembered
from entryway.storage.moments import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import InstrumentedAttribute

    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.config.redirect_patterns import RedirectPattern
    from entryway.oauth.credentials import PresentedCredentials
    from entryway.storage import Changes, Database

# What every client may ask for on a user's behalf; libraries ask for `offline_access`, which adds nothing, unbidden.
OIDC_SCOPES = frozenset({"profile", "email", "phone", "address", "offline_access", "roles", "user_attributes"})
ALWAYS_ALLOWED = OIDC_SCOPES | {scopes.OPENID, scopes.USER}
ACCESS_VALIDITY = 43200
REFRESH_VALIDITY = 604800
MOST_REMEMBERED = 20_000
# How exactly the last use of a secret or certificate is known: each token would be a write otherwise.
USE_NOTED_EVERY = 60.0  # seconds
_END_OF_LEAF = "-----END CERTIFICATE-----\n"
SECRET_PURPOSE = "client-secret"  # noqa: S105 - the name of a purpose


@dataclass(frozen=True, slots=True, eq=False)
class Client:
    """A client with everything that the endpoints ask about it; another object once anything of it has changed."""

    id: str
    zid: str
    instance_id: str
    xsappname: str
    # The application whose scopes and roles count: its own, or for a clone the master's.
    application: str
    plan: str
    access_validity: timedelta
    refresh_validity: timedelta
    redirect_patterns: tuple[RedirectPattern, ...]
    grant_types: frozenset[str]
    user_scopes: frozenset[str]
    authorities: frozenset[str]
    system_attributes: frozenset[str]
    allowed_providers: frozenset[str] | None
    public: bool = False
    rotates_refresh_tokens: bool = False
    # Whether its refresh tokens are JWTs.
    signs_refresh_tokens: bool = False
    jwks: tuple[Mapping[str, Any], ...] = ()
    jwks_uri: str | None = None
    token_salt: str = ""
    # The tenant in which the client's bindings are: for an application that is subscribed to, its provider.
    bindings_zid: str = ""
    # Scopes of others by the names that descriptors have for them before it is known which application is meant.
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_clone(self) -> bool:
        """Whether this is one instance of a service."""
        return self.plan == "clone"


@dataclass(frozen=True, slots=True)
class _Known:
    """A client as it was read, with the digests of its secrets and the certificates that it may come with."""

    client: Client
    digests: Sequence[bytes]
    certificates: Sequence[AcceptedCertificate]


@dataclass(frozen=True, slots=True)
class _Grant:
    """A scope that an application grants to another, and the other names that it may be accepted by."""

    scope: str
    kind: str
    aliases: tuple[str, ...]


class Clients:
    """The clients of all tenants; those in use are kept in memory until something changes."""

    def __init__(self, database: Database, digests: Digests, clock: Clock, changes: Changes) -> None:
        self._database = database
        self._digests = digests
        self._clock = clock
        self._known: Remembered[str, _Known] = Remembered(changes, (tables.TENANT,), MOST_REMEMBERED)
        self._seconds = seconds_of(clock)
        self._used: dict[tuple[str, str, str | bytes], float] = {}

    async def find(self, zid: str, client_id: str) -> Client | None:
        """Return the client, None when there is none by that id."""
        known = await self._read(zid, client_id)
        return known.client if known else None

    async def find_by_instance(self, zid: str, instance_id: str) -> Client | None:
        """Return the client of an application, None when there is no such application."""
        async with self._database.read() as session:
            return await _load(session, zid, tables.ClientRow.instance_id, instance_id)

    async def authenticate(self, zid: str, readings: Sequence[PresentedCredentials]) -> Client:
        """Return the client that one of the readings proves, or raise BadCredentials."""
        for presented in readings:
            known = await self._read(zid, presented.client_id)
            bound_in = known.client.bindings_zid if known else zid
            digest = self._digests.of(SECRET_PURPOSE, bound_in, presented.secret)
            matches = [hmac.compare_digest(digest, candidate) for candidate in known.digests] if known else []
            if known and any(matches):
                if self._is_new_use(known.client, digest):
                    table = tables.BindingSecret
                    await self._note_used(known.client, table, table.digest == digest)
                return known.client
        raise BadCredentials(detail=f"client {readings[0].client_id!r} is unknown or its secret is wrong")

    async def certificates_of(self, zid: str, client_id: str) -> tuple[Client, Sequence[AcceptedCertificate]] | None:
        """Return a client with the certificates that prove it, None when there is no such client."""
        known = await self._read(zid, client_id)
        return (known.client, known.certificates) if known else None

    async def note_renewed(self, client: Client, accepted: AcceptedCertificate, issued_at: datetime) -> None:
        """Remember the newest certificate of a binding without pinning: older ones are not accepted any more."""
        table = tables.BindingCertificate
        mine = (
            table.zid == client.bindings_zid,
            table.instance_id == client.instance_id,
            table.thumbprint == accepted.thumbprint,
            table.issued_at < issued_at,
        )
        async with self._database.transaction() as session:
            await session.execute(update(table).where(*mine).values(issued_at=issued_at))

    async def note_used(self, client: Client, accepted: AcceptedCertificate) -> None:
        """Remember that the certificate of a binding has been used."""
        if self._is_new_use(client, accepted.thumbprint):
            table = tables.BindingCertificate
            await self._note_used(client, table, table.thumbprint == accepted.thumbprint)

    def _is_new_use(self, client: Client, proof: str | bytes) -> bool:
        """Say whether a proof's use should be written down: its last one that was is some time ago."""
        key, now = (client.bindings_zid, client.instance_id, proof), self._seconds()
        last = self._used.get(key)
        if last is not None and abs(now - last) < USE_NOTED_EVERY:
            return False
        if len(self._used) >= MOST_REMEMBERED:
            self._used.clear()
        self._used[key] = now
        return True

    async def _note_used(
        self,
        client: Client,
        table: type[tables.BindingSecret | tables.BindingCertificate],
        proof: ColumnElement[bool],
    ) -> None:
        mine = (table.zid == client.bindings_zid, table.instance_id == client.instance_id, proof)
        used = update(table).where(*mine).values(last_used_at=self._clock())
        async with self._database.transaction() as session:
            await session.execute(used, execution_options=UNNOTICED)

    async def _read(self, zid: str, client_id: str) -> _Known | None:
        return await self._known.get(zid, client_id, self._load)

    async def _load(self, zid: str, client_id: str) -> _Known | None:
        async with self._database.read() as session:
            client = await _load(session, zid, tables.ClientRow.client_id, client_id)
            if client is None:
                return None
            return _Known(
                client,
                await _digests(session, client.bindings_zid, client.instance_id),
                await _certificates(session, client.bindings_zid, client.instance_id),
            )


async def _load(session: AsyncSession, zid: str, column: InstrumentedAttribute[str], value: str) -> Client | None:
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


async def _digests(session: AsyncSession, zid: str, instance_id: str) -> Sequence[bytes]:
    query = select(tables.BindingSecret.digest).where(
        tables.BindingSecret.zid == zid, tables.BindingSecret.instance_id == instance_id
    )
    return (await session.execute(query)).scalars().all()


async def _certificates(session: AsyncSession, zid: str, instance_id: str) -> Sequence[AcceptedCertificate]:
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


def allowed_user_scopes(own: Iterable[str], granted: Iterable[str], accepted: Iterable[str]) -> frozenset[str]:
    """Return the scopes that a client may carry for a user: its own, and what others grant and it accepts."""
    return ALWAYS_ALLOWED | frozenset(own) | _accepted(granted, accepted, ACCEPT_GRANTED_SCOPES)


def allowed_authorities(
    plan: str, own: Iterable[str], granted: Iterable[str], accepted: Iterable[str]
) -> frozenset[str]:
    """Return the scopes that a client has for itself: what others grant and it accepts, or it grants itself."""
    accepted = frozenset(accepted)
    if plan in {"platform", "apiaccess"}:
        return accepted | {scopes.RESOURCE}
    own = frozenset(own)
    # One descriptor speaks for both sides of a grant to itself, so either half of it is enough.
    to_itself = own & (frozenset(granted) | accepted)
    return to_itself | _accepted(granted, accepted, ACCEPT_GRANTED_AUTHORITIES) | {scopes.RESOURCE}


def _accepted(granted: Iterable[str], accepted: Iterable[str], everything: str) -> frozenset[str]:
    granted, accepted = frozenset(granted), frozenset(accepted)
    return granted if everything in accepted else granted & accepted
