"""The identity providers of all tenants: kept, changed and told apart by their origin key."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from entryway.authserver import tables
from entryway.authserver.trust import configuration
from entryway.authserver.trust.configuration import (
    Config,
    InternalConfig,
    Kind,
    OidcTrust,
    ProviderDraft,
    SamlTrust,
)
from entryway.authserver.users import ORIGIN
from entryway.errors import Conflict, NotFound
from entryway.federation.configuration import OidcConfig, SamlConfig
from entryway.federation.errors import InvalidTrust
from entryway.federation.saml_metadata import check_metadata
from entryway.storage import Remembered
from entryway.storage.audit import changed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.storage import Changes, Database, Sealer
    from entryway.storage.audit import Audit

MOST_REMEMBERED = 20_000
_SECRET_PURPOSE = "identity-provider-secret"  # noqa: S105 - what the seal is for


class IdentityProviderUnknown(NotFound):
    """The tenant trusts no identity provider by this origin key."""

    code = "identity_provider_unknown"
    title = "There is no identity provider by this origin key"


class OriginTaken(Conflict):
    """The origin key is in use."""

    code = "origin_taken"
    title = "There is an identity provider by this origin key already"


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An identity provider that a tenant trusts."""

    zid: str
    id: str
    draft: ProviderDraft
    config: Config
    created_at: datetime | None
    updated_at: datetime | None

    @property
    def origin(self) -> str:
        return self.draft.origin

    @property
    def type(self) -> Kind:
        return self.draft.type

    @property
    def shown_as(self) -> str:
        """The text of its link on the login page."""
        return self.draft.link_text or self.draft.name

    @property
    def takes_passwords(self) -> bool:
        """Whether clients may log its users in by their passwords."""
        return configuration.takes_passwords(self.config)

    @property
    def takes_silent_logins(self) -> bool:
        """Whether it is asked about users of applications that want nobody to be asked anything (`prompt=none`)."""
        return isinstance(self.config, SamlTrust | OidcTrust) and self.config.silent_logins


class IdentityProviders:
    """Every provider is looked up by tenant and origin key, and every change of one is on the audit trail."""

    def __init__(self, database: Database, sealer: Sealer, audit: Audit, clock: Clock, changes: Changes) -> None:
        self._database = database
        self._known: Remembered[str, Mapping[str, IdentityProvider]] = Remembered(
            changes, (tables.TENANT,), MOST_REMEMBERED
        )
        self._sealer = sealer
        self._audit = audit
        self._clock = clock

    async def list(self, zid: str, *, active_only: bool = False) -> Sequence[IdentityProvider]:
        """Return the providers of a tenant by origin key, the built-in one first; from memory where they are in use."""
        found = await self._known.get(zid, ORIGIN, self._load) or {}
        return [one for one in found.values() if one.draft.active or not active_only]

    async def find(self, zid: str, origin: str) -> IdentityProvider | None:
        """Return the provider by this origin key."""
        return (await self._known.get(zid, ORIGIN, self._load) or {}).get(origin)

    async def _load(self, zid: str, built_in: str) -> Mapping[str, IdentityProvider]:
        row = tables.IdentityProviderRow
        async with self._database.read() as session:
            query = select(row).where(row.zid == zid).order_by(row.origin)
            found = {one.origin: self._provider(one) for one in (await session.execute(query)).scalars()}
        return {built_in: found.pop(built_in, None) or _built_in(zid), **found}

    async def get(self, zid: str, origin: str) -> IdentityProvider:
        """Return the provider by this origin key, or raise IdentityProviderUnknown."""
        provider = await self.find(zid, origin)
        if provider is None:
            raise IdentityProviderUnknown(origin)
        return provider

    async def fetched(self) -> Sequence[tuple[str, str]]:
        """Return the tenants and origin keys of the providers of all tenants whose metadata comes from an address."""
        row = tables.IdentityProviderRow
        url = row.config["metadata_url"].as_string()
        query = select(row.zid, row.origin).where(row.type == str(Kind.SAML), row.active, url.is_not(None), url != "")
        async with self._database.read() as session:
            return [(zid, origin) for zid, origin in (await session.execute(query)).all()]

    async def create(self, zid: str, draft: ProviderDraft, *, actor: str) -> IdentityProvider:
        """Trust one more provider; raise InvalidTrust or OriginTaken."""
        config = self._check(draft)
        _require_secret(config)
        async with self._database.transaction() as session:
            await self._database.lock(session, "identity-providers", zid)
            taken = await session.get(tables.IdentityProviderRow, (zid, draft.origin))
            if taken is not None or draft.origin == ORIGIN:
                raise OriginTaken(draft.origin)
            await self._make_room(session, zid, draft)
            row = tables.IdentityProviderRow(
                zid=zid, origin=draft.origin, id=str(uuid.uuid4()), created_at=self._clock(), sealed_secret=None
            )
            session.add(row)
            self._fill(row, draft, config)
            await session.flush()
            await self._audit.record(
                session, changed("CREATE", zid, "IdentityProvider", draft.origin, actor=actor, new=_told(row))
            )
        return await self.get(zid, draft.origin)

    async def update(self, zid: str, origin: str, draft: ProviderDraft, *, actor: str) -> IdentityProvider:
        """Replace what is known about a provider; origin key and type stay. `get(…).draft` is where to start from."""
        existing = await self.get(zid, origin)
        if (draft.origin, draft.type) != (origin, existing.type):
            raise InvalidTrust("origin key and type of an identity provider stay as they are")
        config = self._check(draft)
        async with self._database.transaction() as session:
            await self._database.lock(session, "identity-providers", zid)
            row = await session.get(tables.IdentityProviderRow, (zid, origin))
            if row is None and origin != ORIGIN:
                raise IdentityProviderUnknown(origin)
            old = _told(row) if row is not None else {}
            await self._make_room(session, zid, draft)
            if row is None:
                row = tables.IdentityProviderRow(
                    zid=zid, origin=origin, id=existing.id, created_at=self._clock(), sealed_secret=None
                )
                session.add(row)
            if row.sealed_secret is None:
                _require_secret(config)
            self._fill(row, draft, config)
            await session.flush()
            await self._audit.record(
                session, changed("UPDATE", zid, "IdentityProvider", origin, actor=actor, old=old, new=_told(row))
            )
        return await self.get(zid, origin)

    async def delete(self, zid: str, origin: str, *, actor: str) -> None:
        """Trust a provider no more; its users go with it, and so do their sessions and tokens."""
        if origin == ORIGIN:
            raise InvalidTrust("the built-in identity provider can be switched off, not deleted")
        async with self._database.transaction() as session:
            await self._database.lock(session, "identity-providers", zid)
            row = await session.get(tables.IdentityProviderRow, (zid, origin))
            if row is None:
                raise IdentityProviderUnknown(origin)
            old = _told(row)
            user = tables.User
            await session.execute(delete(user).where(user.zid == zid, user.origin == origin))
            # Another provider by this origin key must not find what this one's word was good for.
            mapping = tables.RoleMapping
            await session.execute(delete(mapping).where(mapping.zid == zid, mapping.origin == origin))
            await session.delete(row)
            await session.flush()
            await self._audit.record(session, changed("DELETE", zid, "IdentityProvider", origin, actor=actor, old=old))

    def _check(self, draft: ProviderDraft) -> Config:
        config = configuration.check(draft)
        if isinstance(config, SamlConfig):
            check_metadata(config, self._clock())
        return config

    async def _make_room(self, session: AsyncSession, zid: str, draft: ProviderDraft) -> None:
        """There is one default of each kind."""
        row = tables.IdentityProviderRow
        mine = (row.zid == zid, row.origin != draft.origin)
        if draft.is_default:
            await session.execute(update(row).where(*mine).values(is_default=False))
        if draft.default_for_noninteractive:
            await session.execute(update(row).where(*mine).values(default_for_noninteractive=False))

    def _fill(self, row: tables.IdentityProviderRow, draft: ProviderDraft, config: Config) -> None:
        for name in _PLAIN:
            setattr(row, name, getattr(draft, name))
        row.type, row.email_domains = str(draft.type), [domain.lower() for domain in draft.email_domains]
        row.config = config.model_dump(mode="json", exclude={"client_secret"}, exclude_defaults=True)
        row.updated_at = self._clock()
        if isinstance(config, OidcConfig) and config.client_secret is not None:
            row.sealed_secret = self._sealer.seal(config.client_secret.encode(), purpose(row))

    def _provider(self, row: tables.IdentityProviderRow) -> IdentityProvider:
        draft = ProviderDraft(
            type=Kind(row.type),
            config=row.config,
            email_domains=tuple(row.email_domains),
            **{name: getattr(row, name) for name in _PLAIN},
        )
        config = configuration.parse(draft.type, draft.config)
        if isinstance(config, OidcConfig) and row.sealed_secret is not None:
            secret = self._sealer.unseal(row.sealed_secret, purpose(row)).decode()
            config = config.model_copy(update={"client_secret": secret})
        return IdentityProvider(row.zid, row.id, draft, config, row.created_at, row.updated_at)


_PLAIN = tuple(field.name for field in fields(ProviderDraft) if field.name not in {"type", "config", "email_domains"})


def _require_secret(config: Config) -> None:
    if (
        isinstance(config, OidcConfig)
        and config.client_secret is None
        and config.token_endpoint_auth_method != "private_key_jwt"  # noqa: S105 - the name of a method
    ):
        raise InvalidTrust(f"/config/client_secret: {config.token_endpoint_auth_method} needs one")


def _built_in(zid: str) -> IdentityProvider:
    draft = ProviderDraft(origin=ORIGIN, type=Kind.INTERNAL, name="Entryway", create_shadow_users=False)
    return IdentityProvider(zid, ORIGIN, draft, InternalConfig(), None, None)


def _told(row: tables.IdentityProviderRow) -> Mapping[str, Any]:
    told = {name: getattr(row, name) for name in ("type", *_PLAIN, "email_domains")}
    config = dict(row.config)
    if "metadata" in config:
        # Long, and published anyway: its digest says whether it has changed.
        config["metadata"] = f"sha256:{hashlib.sha256(config['metadata'].encode()).hexdigest()}"
    return {**told, "config": config}


def purpose(row: tables.IdentityProviderRow) -> str:
    """Return what a provider's secret is sealed for: moved to another tenant's provider, it opens nothing."""
    return f"{_SECRET_PURPOSE}/{row.zid}/{row.origin}"
