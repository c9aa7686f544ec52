"""Metadata that service providers publish: fetched when an administrator names the address, and every day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from entryway.errors import EntrywayError
from entryway.federation.errors import InvalidTrust
from entryway.federation.saml_metadata import fetch_metadata
from entryway.idp.errors import ApplicationUnknown, InvalidValue
from entryway.saml.metadata import read_service_provider
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.clients.http import HttpClient
    from entryway.idp.applications.application import Application
    from entryway.idp.applications.settings import ApplicationSettings
    from entryway.idp.applications.store import Applications
    from entryway.storage.moments import Clock

log = get_logger(__name__)

EVERY = timedelta(days=1)
# With each round of housekeeping, so that a start with many applications is no flood of requests.
MOST_AT_ONCE = 50
_SETTING = "saml_metadata_url"


@dataclass(slots=True)
class MetadataRefresh:
    """What is not better than before changes nothing."""

    http: HttpClient
    applications: Applications
    clock: Clock
    # When this process has last fetched whose metadata.
    _fetched: dict[str, datetime] = field(default_factory=dict)

    async def completed(self, application_id: str, settings: ApplicationSettings) -> ApplicationSettings:
        """Return settings with the metadata from their address: what is known of it, what is there for a new one."""
        url = settings.saml_metadata_url
        if url is None:
            return settings
        try:
            before = (await self.applications.resolve(application_id)).settings
        except ApplicationUnknown:
            before = None
        if before is not None and before.saml_metadata_url == url and before.saml_metadata is not None:
            return settings.model_copy(update={"saml_metadata": before.saml_metadata})
        try:
            document = await fetch_metadata(self.http, url, _SETTING)
        except InvalidTrust as error:
            _, _, reason = error.detail.partition(": ")
            raise InvalidValue(_SETTING, f"leads to no metadata: {reason}") from error
        return settings.model_copy(update={"saml_metadata": document})

    async def refresh_due(self) -> None:
        """Ask those whose metadata is a day old; one that does not answer keeps what is known of it."""
        now = self.clock()
        published = [one for one in await self.applications.service_providers() if one.settings.saml_metadata_url]
        due = [one for one in published if now - self._fetched.get(one.id, now - EVERY) >= EVERY]
        for application in due[:MOST_AT_ONCE]:
            self._fetched[application.id] = now
            try:
                await self._refresh(application)
            except EntrywayError as error:
                log.warning("metadata_refresh_failed", client_id=application.client_id, reason=error.detail)
            except Exception:
                # What one company publishes must not keep the others from being asked.
                log.exception("metadata_refresh_failed", client_id=application.client_id)

    async def _refresh(self, application: Application) -> None:
        document = await fetch_metadata(self.http, application.settings.saml_metadata_url or "", _SETTING)
        if document == application.settings.saml_metadata:
            return
        named = read_service_provider(document, self.clock()).entity.entity_id
        if named != application.entity_id:
            # Whoever has the address now may be somebody else; only an administrator can say that it is right.
            raise InvalidTrust(f"{_SETTING}: it is of another service provider now, {named}")
        settings = application.settings.model_copy(update={"saml_metadata": document})
        await self.applications.put(
            application.id, name=application.name, app_tid=application.app_tid, settings=settings
        )
        log.info("metadata_refreshed", client_id=application.client_id)
