"""The identity providers of companies in the database."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import select

from entryway.errors import NotFound
from entryway.federation.configuration import OidcConfig, SamlConfig
from entryway.federation.saml_metadata import check_metadata
from entryway.federation.saml_partner import SamlPartner, read_partner_metadata
from entryway.idp import tables
from entryway.idp.corporate.settings import ALIAS, OWN, ProviderSettings, read_config
from entryway.idp.errors import InvalidValue, NameTaken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.idp.session_end import SessionEnd
    from entryway.storage import Database, Sealer
    from entryway.storage.moments import Clock


class ProviderUnknown(NotFound):
    """No company's provider has this alias."""

    code = "provider_unknown"
    title = "There is no identity provider by this alias"


@dataclass(frozen=True, slots=True)
class Provider:
    """A company's identity provider; `config` holds its client secret, `settings` does not."""

    id: str
    alias: str
    settings: ProviderSettings
    config: SamlConfig | OidcConfig

    @property
    def protocol(self) -> str:
        """What the provider speaks: `saml` or `oidc`."""
        return "saml" if isinstance(self.config, SamlConfig) else "oidc"

    @property
    def partner(self) -> SamlPartner:
        """The provider as SAML knows it."""
        assert isinstance(self.config, SamlConfig)  # noqa: S101 - the caller has asked for its type
        return SamlPartner(self.config, read_partner_metadata(self.config))


class Providers:
    """Finds and changes the providers."""

    def __init__(self, database: Database, sealer: Sealer, session_end: SessionEnd, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._session_end = session_end
        self._clock = clock

    async def list(self) -> Sequence[Provider]:
        """Return all providers by alias."""
        async with self._database.read() as session:
            query = select(tables.CorporateProvider).order_by(tables.CorporateProvider.alias)
            return [self._provider(row) for row in (await session.execute(query)).scalars()]

    async def find(self, alias: str) -> Provider | None:
        """Return the provider of an alias."""
        return await self._one(tables.CorporateProvider.alias == alias)

    async def find_by_id(self, provider_id: str) -> Provider | None:
        """Return the provider with this id of ours."""
        return await self._one(tables.CorporateProvider.id == provider_id)

    async def resolve(self, alias: str) -> Provider:
        """Return the provider of an alias, or raise."""
        found = await self.find(alias)
        if found is None:
            raise ProviderUnknown(alias[:100])
        return found

    async def by_entity_id(self, entity_id: str) -> Provider | None:
        """Return the active provider that SAML knows by this name; None where several are."""
        found = [
            one
            for one in await self.list()
            if one.settings.active and isinstance(one.config, SamlConfig) and one.partner.entity_id == entity_id
        ]
        return found[0] if len(found) == 1 else None

    async def create(self, alias: str, settings: ProviderSettings) -> Provider:
        """Trust one more provider; raise NameTaken where there is one by this alias."""
        if await self.find(alias) is not None:
            raise NameTaken(f"{alias[:100]} is taken")
        return await self.put(alias, settings)

    async def put(self, alias: str, settings: ProviderSettings) -> Provider:
        """Trust a provider, or change what is known of it; without a client secret, the one there is stays.

        Where it is switched off, every login that it vouched for ends.
        """
        if not ALIAS.fullmatch(alias) or alias == OWN:
            raise InvalidValue("alias", f"must be at most 36 letters, digits, dots, hyphens and underscores, not {OWN}")
        config = self._check(settings)
        secret = config.client_secret if isinstance(config, OidcConfig) else None
        stored = settings.model_copy(
            update={"config": {name: value for name, value in settings.config.items() if name != "client_secret"}}
        )
        now, table = self._clock(), tables.CorporateProvider
        async with self._database.transaction() as session:
            await self._database.lock(session, "corporate-providers")
            row = await _row(session, alias)
            if row is None:
                row = table(id=str(uuid.uuid4()), alias=alias, sealed_secret=None, created_at=now)
                session.add(row)
            elif row.settings["type"] != settings.type:
                raise InvalidValue("type", "of a provider stays as it is")
            if secret is not None:
                row.sealed_secret = self._sealer.seal(secret.encode(), _purpose(row.id))
            elif isinstance(config, OidcConfig) and row.sealed_secret is None and not _signs(config):
                raise InvalidValue("config.client_secret", f"is needed for {config.token_endpoint_auth_method}")
            row.settings, row.updated_at = stored.model_dump(mode="json"), now
        provider = await self.resolve(alias)
        if not settings.active:
            await self._end_sessions(provider)
        return provider

    async def delete(self, alias: str) -> None:
        """Trust a provider no more; the users that it brought go with it, and every login that it vouched for ends."""
        provider = await self.resolve(alias)
        await self._end_sessions(provider)
        async with self._database.transaction() as session:
            row = await _row(session, alias)
            if row is not None:
                await session.delete(row)

    async def _end_sessions(self, provider: Provider) -> None:
        login = tables.LoginSession
        async with self._database.read() as session:
            found = (await session.execute(select(login.id).where(login.provider_id == provider.id))).scalars().all()
        for session_id in found:
            await self._session_end.end(session_id)

    def _check(self, settings: ProviderSettings) -> SamlConfig | OidcConfig:
        try:
            config = read_config(settings)
        except ValidationError as error:
            wrong = [
                f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
                for found in error.errors(include_url=False, include_input=False, include_context=False)
            ]
            raise InvalidValue("config", "; ".join(wrong)) from error
        if isinstance(config, SamlConfig):
            check_metadata(config, self._clock())
        return config

    async def _one(self, condition: ColumnElement[bool]) -> Provider | None:
        async with self._database.read() as session:
            row = (await session.execute(select(tables.CorporateProvider).where(condition))).scalar_one_or_none()
        return self._provider(row) if row else None

    def _provider(self, row: tables.CorporateProvider) -> Provider:
        settings = ProviderSettings.model_validate(row.settings)
        config = read_config(settings)
        if isinstance(config, OidcConfig) and row.sealed_secret is not None:
            secret = self._sealer.unseal(row.sealed_secret, _purpose(row.id)).decode()
            config = config.model_copy(update={"client_secret": secret})
        return Provider(row.id, row.alias, settings, config)


async def _row(session: AsyncSession, alias: str) -> tables.CorporateProvider | None:
    query = select(tables.CorporateProvider).where(tables.CorporateProvider.alias == alias)
    return (await session.execute(query)).scalar_one_or_none()


def _signs(config: OidcConfig) -> bool:
    return config.token_endpoint_auth_method == "private_key_jwt"  # noqa: S105 - the name of a method


def _purpose(provider_id: str) -> str:
    return f"corporate-provider-secret/{provider_id}"
