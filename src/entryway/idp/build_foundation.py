"""What every part of the identity provider stands on: storage, keys, users, applications, and who may ask."""

from __future__ import annotations

import os
from dataclasses import dataclass

from entryway.accounts.passwords import Passwords
from entryway.clients.http import HttpClient, new_http
from entryway.clients.published_keys import PublishedKeys
from entryway.clients.tls import outgoing_context
from entryway.idp.applications.assertions import ClientAssertions
from entryway.idp.applications.authentication import ApplicationAuthentication
from entryway.idp.applications.certificates import ApplicationCertificates
from entryway.idp.applications.store import Applications
from entryway.idp.counting import counting
from entryway.idp.documents import Documents
from entryway.idp.mail.outbox import outbox
from entryway.idp.mail.postman import Postman
from entryway.idp.seen_assertions import SeenAssertions
from entryway.idp.settings import IdpSettings
from entryway.idp.signing_keys import SigningKeys
from entryway.idp.trail import Trail
from entryway.idp.users.authentication import Authentication
from entryway.idp.users.failures import Failures
from entryway.idp.users.groups import Groups
from entryway.idp.users.store import Users
from entryway.storage import Database, Keyring, Sealer
from entryway.storage.audit import Audit
from entryway.storage.digests import Digests
from entryway.storage.moments import Clock
from entryway.telemetry.service_meters import ServiceMeters
from entryway.web.client_certificates import ShownCertificates
from entryway.web.pages import Pages


@dataclass(frozen=True, slots=True)
class Foundation:
    """One of each."""

    settings: IdpSettings
    clock: Clock
    keyring: Keyring
    database: Database
    sealer: Sealer
    digests: Digests
    pages: Pages
    audit: Audit
    trail: Trail
    passwords: Passwords
    documents: Documents
    users: Users
    groups: Groups
    failures: Failures
    authentication: Authentication
    applications: Applications
    certificates: ApplicationCertificates
    clients: ApplicationAuthentication
    keys: SigningKeys
    http: HttpClient
    published_keys: PublishedKeys
    seen: SeenAssertions
    postman: Postman


def foundation(settings: IdpSettings, clock: Clock, passwords: Passwords, meters: ServiceMeters | None) -> Foundation:
    """Make what all others are given; nothing is opened before the lifespan begins."""
    keyring = Keyring(settings.master_key, settings.previous_master_keys)
    database, sealer, digests = Database(settings.database_url), Sealer(keyring), Digests(keyring, "idp")
    trusted = outgoing_context(os.environ, ca_files=[settings.ca_file] if settings.ca_file else [])
    http = new_http(trusted, policy=settings.outgoing)
    audit = Audit(database, digests, clock, counting(meters))
    trail, documents = Trail(audit), Documents(database, clock)
    users, failures = Users(database, clock), Failures(database, digests, clock)
    applications = Applications(database, sealer, digests, clock)
    certificates = ApplicationCertificates(database, sealer, clock)
    published_keys, seen = PublishedKeys(http, clock), SeenAssertions(database, digests)
    clients = ApplicationAuthentication(
        applications,
        certificates,
        ShownCertificates(settings.certificate_header, settings.certificate_networks),
        ClientAssertions(settings, applications, published_keys, seen, clock),
    )
    return Foundation(
        settings=settings,
        clock=clock,
        keyring=keyring,
        database=database,
        sealer=sealer,
        digests=digests,
        pages=Pages("entryway.idp.pages", settings.branding),
        audit=audit,
        trail=trail,
        passwords=passwords,
        documents=documents,
        users=users,
        groups=Groups(database, clock),
        failures=failures,
        authentication=Authentication(users, failures, passwords, documents, trail),
        applications=applications,
        certificates=certificates,
        clients=clients,
        keys=SigningKeys(database, sealer, clock),
        http=http,
        published_keys=published_keys,
        seen=seen,
        postman=Postman(outbox(settings.mail, trusted)),
    )
