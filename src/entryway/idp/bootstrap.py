"""What an identity provider has from the start: its tables, a signing key, and the client of its administrators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.applications.settings import ApplicationSettings
from entryway.idp.schema import SCHEMA

if TYPE_CHECKING:
    from entryway.idp.applications.store import Applications
    from entryway.idp.settings import IdpSettings
    from entryway.idp.signing_keys import SigningKeys
    from entryway.idp.users.groups import Groups
    from entryway.storage import Database, Keyring

ADMIN_CLIENT = "entryway-admin"
ADMIN_GROUP = "Identity Administrators"


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Idempotent: every start runs it."""

    settings: IdpSettings
    database: Database
    keyring: Keyring
    keys: SigningKeys
    applications: Applications
    groups: Groups

    async def run(self) -> None:
        """Create what is missing."""
        await self.keyring.open(self.database, await self.database.migrate(SCHEMA))
        await self.keys.create_first()
        await self.keys.ring()  # fails here, at the start, when the master key is not the one of this database
        rights = ApplicationSettings.model_validate(
            {"grant_types": ["client_credentials"], "rights": ["scim", "admin"]}
        )
        await self.applications.put(ADMIN_CLIENT, client_id=ADMIN_CLIENT, name="Administration", settings=rights)
        await self.applications.secret(ADMIN_CLIENT, ADMIN_CLIENT, self.settings.admin_client_secret)
        if await self.groups.find_by_name(ADMIN_GROUP) is None:
            await self.groups.create(ADMIN_GROUP, "May use the administration pages")
