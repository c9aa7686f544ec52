"""Applications in the database, their secrets and certificates."""

from __future__ import annotations

import hmac
import uuid
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError

from entryway.idp import tables
from entryway.idp.applications.application import Application
from entryway.idp.applications.settings import ApplicationSettings
from entryway.idp.errors import ApplicationUnknown, InvalidValue, NameTaken
from entryway.saml.metadata import read_service_provider
from entryway.storage.digests import random_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.storage import Database, Sealer
    from entryway.storage.digests import Digests
    from entryway.storage.moments import Clock

LONGEST = 255
_PURPOSE = "application-secret"


class Applications:
    """Finds and changes applications."""

    def __init__(self, database: Database, sealer: Sealer, digests: Digests, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._digests = digests
        self._clock = clock

    async def find(self, client_id: str) -> Application | None:
        """Return the application of a client id."""
        return await self._one(tables.Application.client_id == client_id)

    async def find_by_entity_id(self, entity_id: str) -> Application | None:
        """Return the application that SAML knows by this name."""
        return await self._one(tables.Application.entity_id == entity_id)

    async def resolve(self, application_id: str) -> Application:
        """Return the application with this id of ours, or raise."""
        found = await self._one(tables.Application.id == application_id)
        if found is None:
            raise ApplicationUnknown(application_id[:100])
        return found

    async def page(self, text: str, start: int, count: int) -> tuple[list[Application], int]:
        """Return one page of the applications whose name or client id contains a text."""
        table = tables.Application
        where = or_(table.name.icontains(text, autoescape=True), table.client_id.icontains(text, autoescape=True))
        query = select(table).where(where).order_by(func.lower(table.name), table.id).offset(start).limit(count)
        async with self._database.read() as session:
            total = (await session.execute(select(func.count()).select_from(table).where(where))).scalar_one()
            return [_application(row) for row in (await session.execute(query)).scalars()], total

    async def service_providers(self) -> list[Application]:
        """Return the applications that speak SAML."""
        table = tables.Application
        async with self._database.read() as session:
            rows = await session.execute(select(table).where(table.entity_id.is_not(None)).order_by(table.id))
            return [_application(row) for row in rows.scalars()]

    async def put(
        self,
        application_id: str,
        *,
        client_id: str | None = None,
        name: str,
        app_tid: str = "",
        settings: ApplicationSettings,
    ) -> Application:
        """Create an application, or change the one with this id; a client id never changes."""
        entity_id = None
        if settings.saml_metadata is not None:
            entity_id = read_service_provider(settings.saml_metadata, self._clock()).entity.entity_id
        for field, text in (("name", name), ("client_id", client_id or ""), ("app_tid", app_tid)):
            if len(text) > LONGEST or not all(map(str.isprintable, text)):
                raise InvalidValue(field, f"must be at most {LONGEST} printable characters")
        now, table = self._clock(), tables.Application
        try:
            async with self._database.transaction() as session:
                row = (await session.execute(select(table).where(table.id == application_id))).scalar_one_or_none()
                if row is None:
                    row = table(id=application_id, client_id=client_id or str(uuid.uuid4()), created_at=now)
                    session.add(row)
                row.name, row.app_tid, row.entity_id = name or row.client_id, app_tid, entity_id
                row.settings, row.updated_at = settings.model_dump(), now
        except IntegrityError as error:
            raise NameTaken(client_id or name) from error
        return _application(row)

    async def delete(self, application_id: str) -> None:
        """Delete an application with its secrets and every token of it."""
        table = tables.Application
        async with self._database.transaction() as session:
            gone = await session.execute(delete(table).where(table.id == application_id).returning(table.id))
            if gone.scalar_one_or_none() is None:
                raise ApplicationUnknown(application_id[:100])

    async def secret(self, application_id: str, secret_id: str, value: str | None = None) -> str:
        """Return the secret of this id, made by chance (or as given) the first time; any of them will do to log in."""
        table, purpose = tables.ApplicationSecret, f"{_PURPOSE}:{application_id}"
        async with self._database.transaction() as session:
            # Who asks for one binding twice at a moment is given one secret.
            await self._database.lock(session, "secret", application_id, secret_id)
            await _check_there(session, application_id)
            mine = (table.application_id == application_id, table.secret_id == secret_id)
            row = (await session.execute(select(table).where(*mine))).scalar_one_or_none()
            if row is not None and value is None:
                return self._sealer.unseal(row.sealed_secret, purpose).decode()
            secret = value or random_text()
            await session.merge(
                table(
                    application_id=application_id,
                    secret_id=secret_id,
                    digest=self._digests.of(_PURPOSE, application_id, secret),
                    sealed_secret=self._sealer.seal(secret.encode(), purpose),
                    created_at=self._clock(),
                )
            )
        return secret

    async def end_secret(self, application_id: str, secret_id: str) -> None:
        """End a secret, if there is one."""
        table = tables.ApplicationSecret
        async with self._database.transaction() as session:
            await session.execute(
                delete(table).where(table.application_id == application_id, table.secret_id == secret_id)
            )

    async def secret_ids(self, application_id: str) -> list[str]:
        """Return the ids of an application's secrets, the oldest first."""
        table = tables.ApplicationSecret
        query = select(table.secret_id).where(table.application_id == application_id).order_by(table.created_at)
        async with self._database.read() as session:
            return list((await session.execute(query)).scalars())

    async def knows_secret(self, application: Application, secret: str) -> bool:
        """Say whether a secret is one of the application's."""
        table, given = tables.ApplicationSecret, self._digests.of(_PURPOSE, application.id, secret)
        query = select(table.digest).where(table.application_id == application.id)
        async with self._database.read() as session:
            stored: Sequence[bytes] = (await session.execute(query)).scalars().all()
        # No early end: how many were compared says nothing then.
        return sum(hmac.compare_digest(given, digest) for digest in stored) > 0

    async def _one(self, condition: ColumnElement[bool]) -> Application | None:
        async with self._database.read() as session:
            row = (await session.execute(select(tables.Application).where(condition))).scalar_one_or_none()
        return _application(row) if row else None


async def _check_there(session: AsyncSession, application_id: str) -> None:
    query = select(tables.Application.id).where(tables.Application.id == application_id)
    if (await session.execute(query)).first() is None:
        raise ApplicationUnknown(application_id[:100])


def _application(row: tables.Application) -> Application:
    return Application(
        id=row.id,
        client_id=row.client_id,
        name=row.name,
        app_tid=row.app_tid,
        settings=ApplicationSettings.model_validate(row.settings),
        entity_id=row.entity_id,
    )
