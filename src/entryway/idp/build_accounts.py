"""Puts together how accounts are kept, by their people and by administrators: build's part for pages and interfaces."""

from __future__ import annotations

from functools import partial

from starlette.routing import Route

from entryway.idp.account.letters import Letters
from entryway.idp.account.links import Links
from entryway.idp.account.mail_requests import mail_requests
from entryway.idp.account.profile import ProfileEndpoints
from entryway.idp.account.self_service import SelfServiceEndpoints
from entryway.idp.account.visitors import Visitors
from entryway.idp.admin import openapi
from entryway.idp.admin.api import AdminApi
from entryway.idp.admin.callers import Callers
from entryway.idp.build_foundation import Foundation
from entryway.idp.build_logins import Logins
from entryway.idp.console.applications import ApplicationPages
from entryway.idp.console.groups import GroupPages
from entryway.idp.console.office import Office
from entryway.idp.console.providers import ProviderPages
from entryway.idp.console.settings import SettingsPages
from entryway.idp.console.user_import import UserImportPage
from entryway.idp.console.users import UserPages
from entryway.idp.pages.forms import Forms
from entryway.idp.provisioning import groups as provisioned_groups
from entryway.idp.provisioning import users as provisioned_users
from entryway.idp.provisioning.groups import GroupCollection
from entryway.idp.provisioning.users import UserCollection
from entryway.idp.saml.metadata_refresh import MetadataRefresh
from entryway.idp.users.user_import import UserImport
from entryway.web.scim import ScimEndpoints

SCIM_PATH = "/scim"


def account_routes(base: Foundation, logins: Logins, metadata: MetadataRefresh) -> list[Route]:
    """Return where people keep their accounts, and administrators all of them."""
    forms = Forms(base.pages, base.digests)
    links = Links(base.database, base.users, base.digests, base.clock)
    letters = Letters(base.settings, links)
    visitors = Visitors(logins.sessions, logins.requirements, base.groups, logins.flow, base.clock)
    user_import = UserImport(base.database, base.users, base.groups, logins.session_end)
    return [
        *_own_pages(base, logins, forms, links, letters, visitors),
        *_console(base, logins, Office(visitors, forms, base.trail), letters, user_import, metadata),
        *openapi.routes(),
        *_interfaces(base, logins, letters, user_import, metadata),
    ]


def _own_pages(  # noqa: PLR0917 - values, not a bag
    base: Foundation, logins: Logins, forms: Forms, links: Links, letters: Letters, visitors: Visitors
) -> list[Route]:
    mails = mail_requests(base.settings, base.failures, base.clock)
    self_service = SelfServiceEndpoints(
        users=base.users,
        links=links,
        letters=letters,
        postman=base.postman,
        mail_requests=mails,
        password_changes=logins.password_changes,
        session_end=logins.session_end,
        documents=base.documents,
        forms=forms,
    )
    profile = ProfileEndpoints(
        settings=base.settings,
        visitors=visitors,
        users=base.users,
        groups=base.groups,
        authentication=base.authentication,
        password_changes=logins.password_changes,
        authenticators=logins.authenticators,
        passkeys=logins.passkeys,
        sessions=logins.sessions,
        session_end=logins.session_end,
        letters=letters,
        postman=base.postman,
        mail_requests=mails,
        documents=base.documents,
        sealer=base.sealer,
        trail=base.trail,
        forms=forms,
    )
    return [*self_service.routes(), *profile.routes()]


def _console(  # noqa: PLR0917 - values, not a bag
    base: Foundation,
    logins: Logins,
    office: Office,
    letters: Letters,
    user_import: UserImport,
    metadata: MetadataRefresh,
) -> list[Route]:
    users = UserPages(
        office=office,
        users=base.users,
        groups=base.groups,
        password_changes=logins.password_changes,
        failures=base.failures,
        factors=logins.factors,
        sessions=logins.sessions,
        session_end=logins.session_end,
        letters=letters,
        postman=base.postman,
        documents=base.documents,
    )
    return [
        *users.routes(),
        *UserImportPage(office, user_import, letters, base.postman).routes(),
        *GroupPages(office, base.groups).routes(),
        *ApplicationPages(office, base.applications, metadata).routes(),
        *ProviderPages(office, logins.providers, base.documents).routes(),
        *SettingsPages(office, base.documents, base.keys, base.users, base.database).routes(),
    ]


def _interfaces(
    base: Foundation, logins: Logins, letters: Letters, user_import: UserImport, metadata: MetadataRefresh
) -> list[Route]:
    callers = Callers(base.clients, base.applications, logins.issuer, base.trail)
    admin = AdminApi(
        base.settings,
        callers,
        base.users,
        base.groups,
        logins.password_changes,
        base.applications,
        base.certificates,
        metadata,
        logins.providers,
        base.documents,
        base.keys,
        logins.session_end,
        user_import,
        letters,
        base.postman,
    )
    provisioning = f"{base.settings.public_url}{SCIM_PATH}"
    users = UserCollection(provisioning, base.users, base.groups, logins.password_changes, logins.session_end)
    scim = ScimEndpoints(
        base.settings.public_url,
        SCIM_PATH,
        {
            "User": (provisioned_users.KIND, users),
            "Group": (provisioned_groups.KIND, GroupCollection(provisioning, base.groups)),
        },
        partial(callers.require, right="scim"),
    )
    return [*admin.routes(), *scim.routes()]
