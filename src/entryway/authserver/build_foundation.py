"""What every part of the authorization server stands on: storage, keys, tenants, clients and users."""

from __future__ import annotations

import os
from dataclasses import dataclass

from entryway.authserver import tables
from entryway.authserver.attempts import Attempts
from entryway.authserver.clients import Clients
from entryway.authserver.counting import counting
from entryway.authserver.digests import Digests
from entryway.authserver.moments import Clock
from entryway.authserver.pages import Pages
from entryway.authserver.passwords import Passwords
from entryway.authserver.roles import Roles
from entryway.authserver.seen_assertions import SeenAssertions
from entryway.authserver.sessions import Sessions
from entryway.authserver.settings import AuthServerSettings
from entryway.authserver.signing_keys import SigningKeys
from entryway.authserver.users import Users
from entryway.authserver.zones import Zones
from entryway.clients.http import HttpClient, new_http
from entryway.clients.published_keys import PublishedKeys
from entryway.clients.tls import outgoing_context
from entryway.storage import Changes, Database, Keyring, Sealer
from entryway.storage.audit import Audit
from entryway.telemetry.service_meters import ServiceMeters


@dataclass(frozen=True, slots=True)
class Foundation:
    """One of each."""

    settings: AuthServerSettings
    clock: Clock
    keyring: Keyring
    database: Database
    sealer: Sealer
    digests: Digests
    audit: Audit
    pages: Pages
    passwords: Passwords
    changes: Changes
    zones: Zones
    keys: SigningKeys
    clients: Clients
    users: Users
    roles: Roles
    http: HttpClient
    published_keys: PublishedKeys
    attempts: Attempts
    login_sessions: Sessions
    seen: SeenAssertions


def foundation(
    settings: AuthServerSettings, clock: Clock, passwords: Passwords, meters: ServiceMeters | None
) -> Foundation:
    """Make what all others are given; nothing is opened before the lifespan begins."""
    keyring = Keyring(settings.master_key, settings.previous_master_keys)
    database, sealer, digests = Database(settings.database_url), Sealer(keyring), Digests(keyring)
    audit = Audit(database, digests, clock, counting(meters))
    changes = Changes(database, tables.Revision.__table__, tables.WATCHED, clock)
    users = Users(database, passwords, digests, clock, audit, changes)
    trusted = outgoing_context(os.environ, ca_files=[settings.ca_file] if settings.ca_file else [])
    http = new_http(trusted, policy=settings.outgoing)
    return Foundation(
        settings=settings,
        clock=clock,
        keyring=keyring,
        database=database,
        sealer=sealer,
        digests=digests,
        audit=audit,
        pages=Pages(settings.branding),
        passwords=passwords,
        changes=changes,
        zones=Zones(database, settings, changes),
        keys=SigningKeys(database, sealer, clock, audit, changes, settings.key_rotation),
        clients=Clients(database, digests, clock, changes),
        users=users,
        roles=Roles(database, changes),
        http=http,
        published_keys=PublishedKeys(http, clock),
        attempts=Attempts(database, sealer, digests, clock),
        login_sessions=Sessions(database, users, digests, clock),
        seen=SeenAssertions(database, digests),
    )
