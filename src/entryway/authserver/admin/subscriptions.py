"""Subscriptions: a tenant uses an application of another, which then stands in it with its client, scopes and roles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from entryway.authserver import tables
from entryway.authserver.admin import descriptors
from entryway.authserver.admin.parts import forget_templates, put_collections, replace_parts
from entryway.config.mistakes import ConfigurationMistakes
from entryway.errors import BadRequest, Conflict, NotFound
from entryway.storage.audit import changed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.authserver.zones import Zone
    from entryway.storage import Database
    from entryway.storage.audit import Audit

DEDICATED, SHARED, EXTERNAL = "dedicated", "shared", "external"
OBJECT = "subscription"


class NotSubscribed(NotFound):
    """The tenant has no subscription to this application."""

    code = "not_subscribed"
    title = "The tenant has not subscribed to this application"


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The subscriptions of all tenants.

    The application's rows are copied into the subscriber's zone, so that every lookup there stays within the zone.
    """

    database: Database
    audit: Audit
    clock: Clock

    async def subscribe(
        self, provider: Zone, subscriber: Zone, xsappname: str, dependencies: Sequence[str], actor: str
    ) -> dict[str, Any]:
        """Let a tenant use an application, and what the application uses; a second time changes the dependencies."""
        if provider.id == subscriber.id:
            raise Conflict("a tenant has its own applications without subscribing to them")
        async with self.database.transaction() as session:
            await self.database.lock(session, "applications", provider.id)
            await self.database.lock(session, "applications", subscriber.id)
            row = await self._subscribe(session, provider, subscriber, xsappname, list(dependencies), wanted=True)
            for name in dependencies:
                await self._subscribe(session, provider, subscriber, name, [], wanted=False)
            await _drop_unused(session, subscriber.id)
            told = {"xsappname": xsappname, "tenant_mode": row.tenant_mode, "dependencies": row.dependencies}
            await self.audit.record(session, changed("CREATE", subscriber.id, OBJECT, xsappname, actor=actor, new=told))
        return told

    async def unsubscribe(self, subscriber: Zone, xsappname: str, actor: str) -> None:
        """Take an application away from a tenant, and what was there for it alone."""
        async with self.database.transaction() as session:
            await self.database.lock(session, "applications", subscriber.id)
            row = await _find(session, subscriber.id, xsappname)
            if row is None:
                raise NotSubscribed(xsappname)
            row.wanted = False
            await session.flush()
            await _drop_unused(session, subscriber.id)
            await self.audit.record(session, changed("DELETE", subscriber.id, OBJECT, xsappname, actor=actor))

    async def listed(self, subscriber: Zone) -> list[dict[str, Any]]:
        """Return what a tenant has subscribed to, by name."""
        subscription, application = tables.Subscription, tables.Application
        query = (
            select(subscription, application.xsappname)
            .join(
                application,
                (application.zid == subscription.zid) & (application.instance_id == subscription.instance_id),
            )
            .where(subscription.zid == subscriber.id)
            .order_by(application.xsappname)
        )
        async with self.database.read() as session:
            return [
                {
                    "xsappname": xsappname,
                    "tenant_mode": row.tenant_mode,
                    "dependencies": row.dependencies,
                    "wanted": row.wanted,
                    "created_at": row.created_at.isoformat(),
                }
                for row, xsappname in (await session.execute(query)).all()
            ]

    async def _subscribe(
        self,
        session: AsyncSession,
        provider: Zone,
        subscriber: Zone,
        xsappname: str,
        dependencies: list[str],
        *,
        wanted: bool,
    ) -> tables.Subscription:
        application = await _provided(session, provider, xsappname)
        mode = str(application.descriptor.get("tenant-mode", DEDICATED))
        if mode == DEDICATED and application.plan == "application":
            raise Conflict(f"{xsappname} has the tenant mode dedicated: it is there for its own tenant alone")
        row = await _find(session, subscriber.id, xsappname)
        if row is None:
            if await session.get(tables.Application, (subscriber.id, application.instance_id)) is not None:
                raise Conflict(f"the service instance {application.instance_id} is something else in this tenant")
            session.add(_copy(application, subscriber.id, provider.id if mode != EXTERNAL else None))
            await session.flush()
            row = tables.Subscription(
                zid=subscriber.id,
                instance_id=application.instance_id,
                provider_zid=provider.id,
                tenant_mode=mode,
                dependencies=dependencies,
                wanted=wanted,
                created_at=self.clock(),
            )
            session.add(row)
            await _put_in(session, provider.number, subscriber.id, application, self.clock())
        elif wanted:
            row.wanted, row.dependencies = True, dependencies
        await session.flush()
        return row


async def update_subscribers(session: AsyncSession, provider: Zone, instance_id: str, now: datetime) -> None:
    """Give every tenant that has subscribed what the application declares now."""
    application = await session.get_one(tables.Application, (provider.id, instance_id))
    for zone in await subscribers(session, provider.id, instance_id):
        copy = await session.get_one(tables.Application, (zone.id, instance_id))
        copy.descriptor, copy.updated_at = application.descriptor, application.updated_at
        try:
            await _put_in(session, provider.number, zone.id, application, now)
        except ConfigurationMistakes as error:
            raise ConfigurationMistakes(
                [replace(mistake, rule=f"{mistake.rule} in the tenant {zone.subdomain}") for mistake in error.mistakes]
            ) from error


async def refuse_subscribed(session: AsyncSession, zid: str, instance_id: str) -> None:
    """Refuse to change in a tenant what is there by a subscription: it is its provider's to change."""
    if await session.get(tables.Subscription, (zid, instance_id)) is not None:
        raise Conflict(f"the service instance {instance_id} is there by a subscription")


async def _put_in(session: AsyncSession, number: int, zid: str, application: tables.Application, now: datetime) -> None:
    """Give a tenant what an application declares: its client, scopes, role templates and role collections."""
    content = descriptors.read(application.descriptor)
    instance_id, xsappname = application.instance_id, application.xsappname
    if application.plan == "clone":
        declared = [descriptors.clone_client_row(zid, number, instance_id, xsappname, content)]
        await replace_parts(session, zid, instance_id, declared)
        return
    declared_rows = list(descriptors.rows(zid, number, instance_id, xsappname, content))
    await replace_parts(session, zid, instance_id, declared_rows)
    await put_collections(session, zid, number, instance_id, xsappname, content, now)


async def subscribers(session: AsyncSession, provider_zid: str, instance_id: str) -> Sequence[tables.Zone]:
    """Return the tenants that have subscribed to an application."""
    subscription, zone = tables.Subscription, tables.Zone
    query = (
        select(zone)
        .join(subscription, subscription.zid == zone.id)
        .where(subscription.provider_zid == provider_zid, subscription.instance_id == instance_id)
        .order_by(zone.number)
    )
    return (await session.execute(query)).scalars().all()


async def _provided(session: AsyncSession, provider: Zone, xsappname: str) -> tables.Application:
    application = tables.Application
    query = select(application).where(
        application.zid == provider.id,
        application.xsappname == xsappname,
        application.plan.in_(["application", "broker", "clone"]),
        application.provider_zid.is_(None),
    )
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise BadRequest(f"there is no application {xsappname!r}")
    return found


async def _find(session: AsyncSession, zid: str, xsappname: str) -> tables.Subscription | None:
    subscription, application = tables.Subscription, tables.Application
    query = (
        select(subscription)
        .join(
            application,
            (application.zid == subscription.zid) & (application.instance_id == subscription.instance_id),
        )
        .where(subscription.zid == zid, application.xsappname == xsappname)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def _drop_unused(session: AsyncSession, zid: str) -> None:
    """Remove every subscription that nobody wants and nothing that stays depends on."""
    subscription, application = tables.Subscription, tables.Application
    query = (
        select(subscription, application)
        .join(
            application,
            (application.zid == subscription.zid) & (application.instance_id == subscription.instance_id),
        )
        .where(subscription.zid == zid)
    )
    rows = (await session.execute(query)).all()
    dependencies = {application_row.xsappname: row.dependencies for row, application_row in rows}
    kept: set[str] = set()
    reached = {application_row.xsappname for row, application_row in rows if row.wanted}
    while reached:
        kept |= reached
        reached = {needed for name in reached for needed in dependencies.get(name, ())} - kept
    for row, application_row in rows:
        if application_row.xsappname not in kept:
            await forget_templates(session, zid, application_row.xsappname, frozenset())
            # The application's rows in this tenant go with it: client, scopes, roles and who has them.
            await session.execute(
                delete(application).where(application.zid == zid, application.instance_id == row.instance_id)
            )


def _copy(application: tables.Application, zid: str, provider_zid: str | None) -> tables.Application:
    return tables.Application(
        zid=zid,
        instance_id=application.instance_id,
        xsappname=application.xsappname,
        plan=application.plan,
        master=application.master,
        instance_name=application.instance_name,
        descriptor=application.descriptor,
        provider_zid=provider_zid,
        created_at=application.created_at,
        updated_at=application.updated_at,
    )
