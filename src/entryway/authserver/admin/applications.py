"""Applications and clones of services: created, updated and deleted as their service instances are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, literal, select
from sqlalchemy.exc import IntegrityError

from entryway.authserver import tables
from entryway.authserver.admin import descriptors, updates
from entryway.authserver.admin.binding_parameters import CERTIFICATE, SECRET
from entryway.authserver.admin.parts import forget_templates, put_collections, replace_parts
from entryway.authserver.admin.subscriptions import refuse_subscribed, subscribers, update_subscribers
from entryway.authserver.roles.predefined import READ_SCOPES, WRITE_SCOPES
from entryway.config import xs_security
from entryway.config.mistakes import ConfigurationMistakes
from entryway.config.xs_security_wire import XsSecurityWire
from entryway.errors import BadRequest, Conflict, NotFound
from entryway.storage.audit import changed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.authserver.zones import Zone
    from entryway.storage import Database
    from entryway.storage.audit import Audit

MOST_INSTANCES = 2500
OBJECT = "service-instance"
# What an instance of the plan apiaccess may do: read and change what administrators do.
API_AUTHORITIES = (*READ_SCOPES, *WRITE_SCOPES)
# Made by a platform's request, so that such a request may end them; the landscape's own services are not.
_OF_INSTANCES = frozenset({"application", "broker", "clone", "apiaccess"})


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
    """The applications of all tenants; `own` names the instances that are the landscape's.

    A change is on the audit trail with its `actor`; without one it is the landscape's own, or its caller tells of it.
    """

    database: Database
    clock: Clock
    audit: Audit
    own: frozenset[str] = frozenset()

    async def put(
        self,
        zone: Zone,
        instance_id: str,
        plan: str,
        source: Mapping[str, Any],
        *,
        instance_name: str | None = None,
        actor: str | None = None,
    ) -> Registered:
        """Create or update an application from its descriptor."""
        content = xs_security.parse(source).content
        # An application without a name is named after its instance.
        content = content.model_copy(update={"xsappname": content.xsappname or f"na-{instance_id}"})
        return await self._put(zone, instance_id, plan, content, instance_name, actor)

    async def put_api_access(
        self,
        zone: Zone,
        instance_id: str,
        *,
        instance_name: str | None = None,
        authorities: Sequence[str] = API_AUTHORITIES,
        credential_type: str = SECRET,
        actor: str | None = None,
    ) -> Registered:
        """Create the client of an instance that may use the administration interfaces."""
        content = XsSecurityWire.model_validate_json(
            json.dumps(
                {
                    "xsappname": f"na-{instance_id}",
                    "authorities": list(authorities),
                    # For itself, and for administrators who log in with it.
                    "oauth2-configuration": {
                        "grant-types": ["client_credentials", "password", "refresh_token"],
                        "credential-types": [credential_type],
                    },
                }
            )
        )
        return await self._put(zone, instance_id, "apiaccess", content, instance_name, actor)

    async def put_clone(
        self,
        zone: Zone,
        instance_id: str,
        master: str,
        *,
        instance_name: str | None = None,
        actor: str | None = None,
    ) -> Registered:
        """Create the client of one instance of a service; a second time changes nothing."""
        async with self.database.transaction() as session:
            await self.database.lock(session, "applications", zone.id)
            service = await _service(session, zone, master)
            xsappname = f"{descriptors.full_name(f'clone-{instance_id}', 'clone', zone.number)}|{service.xsappname}"
            existing = await _find(session, zone.id, instance_id)
            if existing is not None and existing.xsappname != xsappname:
                raise Conflict(f"the service instance {instance_id} is something else already")
            old = None if existing is None else _told(existing)
            if existing is None:
                content = descriptors.read(service.descriptor)
                row = await self._new(session, zone, instance_id, xsappname, "clone", content)
                row.master = service.xsappname
                await session.flush()
                session.add(descriptors.clone_client_row(zone.id, zone.number, instance_id, xsappname, content))
            await _name(session, zone.id, instance_id, instance_name)
            await self._record(session, zone.id, instance_id, old, actor)
        return Registered(xsappname, descriptors.client_id_of(xsappname), existing is None)

    async def delete(self, zone: Zone, instance_id: str, *, actor: str | None = None) -> None:
        """Delete an application with everything that is its own."""
        async with self.database.transaction() as session:
            application = await _find(session, zone.id, instance_id)
            if application is None or application.plan not in _OF_INSTANCES or instance_id in self.own:
                raise ApplicationUnknown(instance_id)
            clone = tables.Application
            clones = select(clone.instance_id).where(clone.zid == zone.id, clone.master == application.xsappname)
            if (await session.execute(clones.limit(1))).first() is not None:
                raise Conflict("instances of this service exist; delete them first")
            await refuse_subscribed(session, zone.id, instance_id)
            if await subscribers(session, zone.id, instance_id):
                raise Conflict("other tenants have subscribed to this application")
            await forget_templates(session, zone.id, application.xsappname, frozenset())
            old = _told(application)
            await session.delete(application)
            await session.flush()
            await self._record(session, zone.id, instance_id, old, actor)

    async def _put(  # noqa: PLR0917 - one application
        self,
        zone: Zone,
        instance_id: str,
        plan: str,
        content: XsSecurityWire,
        instance_name: str | None,
        actor: str | None,
    ) -> Registered:
        xsappname = descriptors.full_name(str(content.xsappname), plan, zone.number)
        try:
            async with self.database.transaction() as session:
                await self.database.lock(session, "applications", zone.id)
                application = await _find(session, zone.id, instance_id)
                await refuse_subscribed(session, zone.id, instance_id)
                created = application is None
                old = None if application is None else _told(application)
                if application is None:
                    await self._new(session, zone, instance_id, xsappname, plan, content)
                else:
                    await _check_update(session, application, plan, content)
                    application.descriptor, application.updated_at = descriptors.stored(content), self.clock()
                    await _end_bindings(session, zone.id, instance_id, content.oauth2.credential_types)
                await _name(session, zone.id, instance_id, instance_name)
                await session.flush()
                declared = descriptors.rows(zone.id, zone.number, instance_id, xsappname, content)
                await replace_parts(session, zone.id, instance_id, list(declared))
                await put_collections(session, zone.id, zone.number, instance_id, xsappname, content, self.clock())
                await session.flush()
                await update_subscribers(session, zone, instance_id, self.clock())
                # The landscape's own services are put at every start, and may have thousands of instances.
                if plan == "broker" and old is not None and old["descriptor"] != descriptors.stored(content):
                    await _update_clones(session, zone, xsappname, content, self.clock())
                await session.flush()
                await self._record(session, zone.id, instance_id, old, actor)
        except IntegrityError as error:
            raise Conflict(f"another service instance has the xsappname {xsappname} already") from error
        return Registered(xsappname, descriptors.client_id_of(xsappname), created)

    async def _record(
        self, session: AsyncSession, zid: str, instance_id: str, old: dict[str, Any] | None, actor: str | None
    ) -> None:
        """Put on the trail what an instance has become; what changed nothing is not a change."""
        application = await _find(session, zid, instance_id)
        new = None if application is None else _told(application)
        if actor is None or old == new:
            return
        event = "CREATE" if old is None else "DELETE" if new is None else "UPDATE"
        await self.audit.record(
            session, changed(event, zid, OBJECT, instance_id, actor=actor, old=old or {}, new=new or {})
        )

    async def _new(  # noqa: PLR0917 - one row
        self, session: AsyncSession, zone: Zone, instance_id: str, xsappname: str, plan: str, content: XsSecurityWire
    ) -> tables.Application:
        counted = select(func.count()).select_from(tables.Application).where(tables.Application.zid == zone.id)
        if (await session.execute(counted)).scalar_one() >= MOST_INSTANCES:
            raise BadRequest(f"a subaccount has at most {MOST_INSTANCES} service instances")
        now = self.clock()
        row = tables.Application(
            zid=zone.id,
            instance_id=instance_id,
            xsappname=xsappname,
            plan=plan,
            master=None,
            instance_name=None,
            descriptor=descriptors.stored(content),
            created_at=now,
            updated_at=now,
        )
        session.add(row)
        return row


async def _find(session: AsyncSession, zid: str, instance_id: str) -> tables.Application | None:
    return await session.get(tables.Application, {"zid": zid, "instance_id": instance_id})


async def _service(session: AsyncSession, zone: Zone, master: str) -> tables.Application:
    query = select(tables.Application).where(
        tables.Application.zid == zone.id,
        tables.Application.xsappname.in_([master, descriptors.full_name(master, "broker", zone.number)]),
        tables.Application.plan == "broker",
    )
    service = (await session.execute(query)).scalar_one_or_none()
    if service is None:
        raise BadRequest(f"there is no master service {master!r}")
    return service


async def _name(session: AsyncSession, zid: str, instance_id: str, instance_name: str | None) -> None:
    """Give an instance its name; without one, it keeps what it has."""
    application = await _find(session, zid, instance_id)
    if instance_name is not None and application is not None:
        application.instance_name = instance_name


async def _check_update(
    session: AsyncSession, application: tables.Application, plan: str, content: XsSecurityWire
) -> None:
    if application.plan != plan:
        raise Conflict(f"the service instance {application.instance_id} has the plan {application.plan}")
    in_use: set[str] = set()
    for given in (tables.RoleAssignment, tables.RoleMapping):
        query = select(given.collection).where(given.zid == application.zid).distinct()
        in_use.update((await session.execute(query)).scalars())
    before = descriptors.read(application.descriptor)
    subscribed = bool(await subscribers(session, application.zid, application.instance_id))
    mistakes = list(updates.refused(before, content, in_use, subscribed=subscribed))
    if mistakes:
        raise ConfigurationMistakes(mistakes)


async def _end_bindings(session: AsyncSession, zid: str, instance_id: str, kinds: Sequence[str]) -> None:
    """End the bindings of a kind that the application does not allow any more."""
    for table, lost in (
        (tables.BindingSecret, tables.BindingSecret.kind.not_in(kinds)),
        (tables.BindingCertificate, literal(CERTIFICATE not in kinds)),
    ):
        await session.execute(delete(table).where(table.zid == zid, table.instance_id == instance_id, lost))


async def _update_clones(
    session: AsyncSession, zone: Zone, master: str, content: XsSecurityWire, now: datetime
) -> None:
    """What the service may do, its instances may do, in every tenant: they are declared as the master is."""
    clone = tables.Application
    clones = select(clone).where(clone.zid == zone.id, clone.master == master)
    for row in (await session.execute(clones)).scalars().all():
        row.descriptor, row.updated_at = descriptors.stored(content), now
        await session.merge(descriptors.clone_client_row(zone.id, zone.number, row.instance_id, row.xsappname, content))
        await _end_bindings(session, zone.id, row.instance_id, content.oauth2.credential_types)
        await update_subscribers(session, zone, row.instance_id, now)


def _told(application: tables.Application) -> dict[str, Any]:
    return {
        "xsappname": application.xsappname,
        "plan": application.plan,
        "instance_name": application.instance_name,
        "descriptor": dict(application.descriptor),
    }
