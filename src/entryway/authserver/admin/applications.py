"""Applications and clones of services: created, updated and deleted as their service instances are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, literal, select
from sqlalchemy.exc import IntegrityError

from entryway.authserver import tables
from entryway.authserver.admin import descriptors, updates
from entryway.authserver.admin.binding_parameters import CERTIFICATE
from entryway.config import xs_security
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.xs_security_wire import XsSecurityWire
from entryway.errors import BadRequest, Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.clients import Clients
    from entryway.authserver.moments import Clock
    from entryway.authserver.zones import Zone
    from entryway.storage import Database

# What a declared application consists of; replaced as a whole, because a descriptor is always complete.
_PARTS = (
    tables.ClientRow,
    tables.Scope,
    tables.ScopeGrant,
    tables.RoleTemplate,
    tables.RoleTemplateScope,
)


class ApplicationUnknown(NotFound):
    """No application with that service instance."""

    code = "application_unknown"
    title = "There is no application with this service instance"


@dataclass(frozen=True, slots=True)
class Registered:
    """An application as the authorization server knows it."""

    xsappname: str
    client_id: str
    created: bool


@dataclass(frozen=True, slots=True)
class Applications:
    """The applications of all tenants."""

    database: Database
    clients: Clients
    clock: Clock

    async def put(self, zone: Zone, instance_id: str, plan: str, source: Mapping[str, Any]) -> Registered:
        """Create or update an application from its descriptor."""
        descriptor = xs_security.parse(source)
        content = descriptor.content
        # An application without a name is named after its instance.
        content = content.model_copy(update={"xsappname": content.xsappname or f"na-{instance_id}"})
        xsappname = descriptors.full_name(str(content.xsappname), plan, zone.number)
        try:
            async with self.database.transaction() as session:
                application = await _find(session, zone.id, instance_id)
                created, salt = application is None, ""
                if application is None:
                    session.add(self._row(zone, instance_id, xsappname, plan, content))
                else:
                    await _check_update(session, application, plan, content)
                    application.descriptor, application.updated_at = _stored(content), self.clock()
                    salt = await _clear(session, application)
                await session.flush()
                await _end_bindings(session, zone.id, instance_id, content.oauth2.credential_types)
                session.add_all(
                    descriptors.rows(zone.id, zone.number, instance_id, xsappname, content, token_salt=salt)
                )
                await _put_collections(session, zone, instance_id, xsappname, content)
        except IntegrityError as error:
            raise Conflict(f"another service instance has the xsappname {xsappname} already") from error
        self.clients.forget()
        return Registered(xsappname, descriptors.client_id_of(xsappname), created)

    async def put_clone(self, zone: Zone, instance_id: str, master: str) -> Registered:
        """Create the client of one instance of a service; a second time changes nothing."""
        async with self.database.transaction() as session:
            query = select(tables.Application).where(
                tables.Application.zid == zone.id,
                tables.Application.xsappname.in_([master, descriptors.full_name(master, "broker", zone.number)]),
                tables.Application.plan == "broker",
            )
            service = (await session.execute(query)).scalar_one_or_none()
            if service is None:
                raise BadRequest(f"there is no master service {master!r}")
            xsappname = f"{descriptors.full_name(f'clone-{instance_id}', 'clone', zone.number)}|{service.xsappname}"
            existing = await _find(session, zone.id, instance_id)
            if existing is not None and existing.xsappname != xsappname:
                raise Conflict(f"the service instance {instance_id} is something else already")
            if existing is None:
                # What the service may do, its instances may do: the client is declared as the master's is.
                content = XsSecurityWire.model_validate_json(_json(service.descriptor))
                if not content.authorities_inheritance:
                    content = content.model_copy(update={"authorities": ()})
                row = self._row(zone, instance_id, xsappname, "clone", content)
                row.master = service.xsappname
                session.add(row)
                await session.flush()
                session.add(descriptors.client_row(zone.id, zone.number, instance_id, xsappname, content))
        self.clients.forget()
        return Registered(xsappname, descriptors.client_id_of(xsappname), existing is None)

    async def delete(self, zone: Zone, instance_id: str) -> None:
        """Delete an application with everything that is its own."""
        async with self.database.transaction() as session:
            application = await _find(session, zone.id, instance_id)
            if application is None or application.plan not in {"application", "clone"}:
                raise ApplicationUnknown(instance_id)
            await session.delete(application)
        self.clients.forget()

    def _row(
        self, zone: Zone, instance_id: str, xsappname: str, plan: str, content: XsSecurityWire
    ) -> tables.Application:
        now = self.clock()
        return tables.Application(
            zid=zone.id,
            instance_id=instance_id,
            xsappname=xsappname,
            plan=plan,
            master=None,
            descriptor=_stored(content),
            created_at=now,
            updated_at=now,
        )


async def _find(session: AsyncSession, zid: str, instance_id: str) -> tables.Application | None:
    return await session.get(tables.Application, {"zid": zid, "instance_id": instance_id})


async def _check_update(
    session: AsyncSession, application: tables.Application, plan: str, content: XsSecurityWire
) -> None:
    if application.plan != plan:
        raise Conflict(f"the service instance {application.instance_id} has the plan {application.plan}")
    assignment = tables.RoleAssignment
    assigned = select(assignment.collection).where(assignment.zid == application.zid).distinct()
    mistakes = list(
        updates.refused(
            XsSecurityWire.model_validate_json(_json(application.descriptor)),
            content,
            set((await session.execute(assigned)).scalars()),
        )
    )
    if mistakes:
        raise ConfigurationMistakes(mistakes)


async def _clear(session: AsyncSession, application: tables.Application) -> str:
    """Remove what was declared before; role collections stay for now, and with them who has them.

    Returns what the client's tokens are checked against: an update is not the end of them.
    """
    client = tables.ClientRow
    mine = (client.zid == application.zid, client.instance_id == application.instance_id)
    salt = (await session.execute(select(client.token_salt).where(*mine))).scalar_one_or_none()
    for part in _PARTS:
        await session.execute(
            delete(part).where(part.zid == application.zid, part.instance_id == application.instance_id)
        )
    return salt or ""


async def _end_bindings(session: AsyncSession, zid: str, instance_id: str, kinds: Sequence[str]) -> None:
    """End the bindings of a kind that the application does not allow any more."""
    for table, lost in (
        (tables.BindingSecret, tables.BindingSecret.kind.not_in(kinds)),
        (tables.BindingCertificate, literal(CERTIFICATE not in kinds)),
    ):
        await session.execute(delete(table).where(table.zid == zid, table.instance_id == instance_id, lost))


async def _put_collections(
    session: AsyncSession, zone: Zone, instance_id: str, xsappname: str, content: XsSecurityWire
) -> None:
    collection, reference = tables.RoleCollection, tables.RoleCollectionReference
    wanted = {row.name: row for row in descriptors.collections(zone.id, instance_id, content)}
    query = select(collection).where(collection.zid == zone.id)
    existing = {row.name: row for row in (await session.execute(query)).scalars()}
    taken = [name for name in wanted if name in existing and existing[name].instance_id != instance_id]
    if taken:
        raise ConfigurationMistakes(
            [
                Mistake(xs_security.FILE, "/role-collections", f"the role collection {name!r} exists already")
                for name in taken
            ]
        )
    for name, row in existing.items():
        if row.instance_id == instance_id and name not in wanted:
            await session.delete(row)
        elif name in wanted:
            row.description = wanted[name].description
    session.add_all(row for name, row in wanted.items() if name not in existing)
    await session.flush()
    await session.execute(delete(reference).where(reference.zid == zone.id, reference.collection.in_(wanted)))
    session.add_all(descriptors.collection_references(zone.id, zone.number, xsappname, content))


def _stored(content: XsSecurityWire) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(content.model_dump_json(by_alias=True))
    return stored


def _json(descriptor: Mapping[str, Any]) -> str:
    return json.dumps(descriptor)
