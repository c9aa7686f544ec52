"""What every tenant has from the start: the application `xsuaa`, whose roles let people administer the tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.authserver import tables

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

INSTANCE = "xsuaa"
AUDIT_SCOPE = "xs_auditlog.read"
READ_SCOPES = ("xs_authorization.read", "xs_idp.read", "xs_user.read", AUDIT_SCOPE)
WRITE_SCOPES = ("xs_authorization.write", "xs_idp.write", "xs_user.write")
_TEMPLATES = {
    "xsuaa_admin": ("User and Role Administrator", (*READ_SCOPES[:-1], *WRITE_SCOPES)),
    "xsuaa_auditor": ("User and Role Auditor", READ_SCOPES[:-1]),
    "Auditlog_Auditor": ("Audit Log Auditor", (AUDIT_SCOPE,)),
}
# Collection, what it is for, and the templates whose default roles it holds. Others would do nothing, and are left out:
# there are no global accounts and directories above a tenant, and destinations, connectors and service instances
# belong to programs and to who runs the landscape.
_COLLECTIONS = (
    ("Subaccount Administrator", "Administrative access to the subaccount", ("xsuaa_admin", "Auditlog_Auditor")),
    ("Subaccount Viewer", "Read-only access to the subaccount", ("xsuaa_auditor", "Auditlog_Auditor")),
)
NAMES = frozenset(name for name, _, _ in _COLLECTIONS)


async def ensure(session: AsyncSession, zid: str, number: int, now: datetime) -> None:
    """Create what a tenant lacks; a second time changes nothing."""
    await _application(session, zid, number, now)
    await _scopes(session, zid)
    await _templates(session, zid)
    collection, reference, xsappname = tables.RoleCollection, tables.RoleCollectionReference, f"{INSTANCE}!t{number}"
    for name, description, templates in _COLLECTIONS:
        if await session.get(collection, (zid, name)) is None:
            session.add(
                collection(
                    zid=zid,
                    name=name,
                    instance_id=None,
                    predefined=True,
                    description=description,
                    created_at=now,
                    updated_at=now,
                )
            )
            await session.flush()
        for template in templates:
            await session.merge(reference(zid=zid, collection=name, xsappname=xsappname, template=template, role=""))
    await session.flush()


async def _application(session: AsyncSession, zid: str, number: int, now: datetime) -> None:
    application = tables.Application
    if await session.get(application, (zid, INSTANCE)) is not None:
        return
    session.add(
        application(
            zid=zid,
            instance_id=INSTANCE,
            xsappname=f"{INSTANCE}!t{number}",
            # As the platform's own client: no request of a platform may change or end it.
            plan="platform",
            master=None,
            instance_name=None,
            descriptor={},
            created_at=now,
            updated_at=now,
        )
    )
    await session.flush()


async def _scopes(session: AsyncSession, zid: str) -> None:
    table = tables.Scope
    query = select(table.name).where(table.zid == zid, table.instance_id == INSTANCE)
    known = set((await session.execute(query)).scalars())
    session.add_all(
        table(zid=zid, instance_id=INSTANCE, name=scope, description="")
        for scope in (*READ_SCOPES, *WRITE_SCOPES)
        if scope not in known
    )
    await session.flush()


async def _templates(session: AsyncSession, zid: str) -> None:
    for template, (title, scopes) in _TEMPLATES.items():
        if await session.get(tables.RoleTemplate, (zid, INSTANCE, template)) is not None:
            continue
        session.add(
            tables.RoleTemplate(
                zid=zid,
                instance_id=INSTANCE,
                name=template,
                description=title,
                default_role_name=title,
                has_default_role=True,
                attribute_values={},
            )
        )
        for scope in scopes:
            session.add(tables.RoleTemplateScope(zid=zid, instance_id=INSTANCE, template=template, scope=scope))
    await session.flush()
