"""What every tenant has from the start: the application `xsuaa`, whose roles let people administer the tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.authserver import tables

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

INSTANCE = "xsuaa"
READ_SCOPES = ("xs_authorization.read", "xs_idp.read", "xs_user.read")
WRITE_SCOPES = ("xs_authorization.write", "xs_idp.write", "xs_user.write")
_TEMPLATES = {
    "xsuaa_admin": ("User and Role Administrator", (*READ_SCOPES, *WRITE_SCOPES)),
    "xsuaa_auditor": ("User and Role Auditor", READ_SCOPES),
}
# Collection, what it is for, and the template whose default role it holds.
_COLLECTIONS = (
    ("Subaccount Administrator", "Administrative access to the subaccount", "xsuaa_admin"),
    ("Subaccount Viewer", "Read-only access to the subaccount", "xsuaa_auditor"),
)
NAMES = frozenset(name for name, _, _ in _COLLECTIONS)


async def ensure(session: AsyncSession, zid: str, number: int, now: datetime) -> None:
    """Create what a tenant lacks; a second time changes nothing."""
    application = tables.Application
    if (await session.get(application, (zid, INSTANCE))) is None:
        await _create_application(session, zid, number, now)
    collection = tables.RoleCollection
    query = select(collection.name).where(collection.zid == zid, collection.name.in_(NAMES))
    existing = set((await session.execute(query)).scalars())
    for name, description, template in _COLLECTIONS:
        if name in existing:
            continue
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
        session.add(
            tables.RoleCollectionReference(
                zid=zid, collection=name, xsappname=f"{INSTANCE}!t{number}", template=template, role=""
            )
        )
    await session.flush()


async def _create_application(session: AsyncSession, zid: str, number: int, now: datetime) -> None:
    session.add(
        tables.Application(
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
    for scope in (*READ_SCOPES, *WRITE_SCOPES):
        session.add(tables.Scope(zid=zid, instance_id=INSTANCE, name=scope, description=""))
    for template, (title, scopes) in _TEMPLATES.items():
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
