"""What identity providers publish about themselves, asked again: by an administrator now, by the server every day."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from entryway.authserver.trust.configuration import OidcTrust, SamlTrust
from entryway.errors import EntrywayError, UpstreamError
from entryway.federation.configuration import OidcConfig
from entryway.federation.errors import InvalidTrust
from entryway.federation.saml_metadata import check_metadata, fetch_metadata
from entryway.federation.saml_partner import read_partner_metadata
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entryway.authserver.moments import Clock
    from entryway.authserver.trust.configuration import ProviderDraft
    from entryway.authserver.trust.providers import IdentityProvider, IdentityProviders
    from entryway.authserver.zones import Zone
    from entryway.clients.http import HttpClient
    from entryway.federation.oidc_partners import Discovered, OidcPartners

log = get_logger(__name__)

EVERY = timedelta(days=1)
# With each round of housekeeping, so that a start with many tenants is no flood of requests.
MOST_AT_ONCE = 50
_BY = "entryway"
# Whoever reads what everybody may read is no client yet.
_NOBODYS = "none"
_URL = re.compile(r"https://[^\s#@]{1,2000}")


@dataclass(slots=True)
class TrustRefresh:
    """Fetches metadata and discovery documents; what is not better than before changes nothing."""

    http: HttpClient
    providers: IdentityProviders
    partners: OidcPartners[Zone]
    clock: Clock
    # When this process has last fetched whose metadata.
    _fetched: dict[tuple[str, str], datetime] = field(default_factory=dict)

    async def completed(self, draft: ProviderDraft, before: ProviderDraft | None = None) -> ProviderDraft:
        """Return a draft with the metadata from its address, where there is one that is new."""
        url = draft.config.get("metadata_url")
        known = before.config if before is not None else {}
        if (
            not isinstance(url, str)
            or not _URL.fullmatch(url)
            or ("metadata" in draft.config and url == known.get("metadata_url"))
        ):
            return draft
        return replace(draft, config={**draft.config, "metadata": await self._fetch(url)})

    async def answering(self, issuers: Sequence[str]) -> Sequence[Discovered]:
        """Return what these OpenID Connect providers publish now, as far as they answer."""
        found = []
        for issuer in issuers:
            try:
                found.append(await self.partners.refresh(OidcConfig(issuer=issuer, client_id=_NOBODYS)))
            except UpstreamError as error:
                log.info("identity_provider_does_not_answer", issuer=issuer, reason=error.detail)
        return found

    async def refresh(self, zid: str, origin: str, *, actor: str) -> IdentityProvider:
        """Ask a provider now, and return it as it is from now on."""
        provider = await self.providers.get(zid, origin)
        config = provider.config
        if isinstance(config, SamlTrust) and config.metadata_url:
            changes: Mapping[str, Any] = {"metadata": await self._newer(config)}
        elif isinstance(config, OidcTrust):
            changes = {"issuer": (await self.partners.refresh(config)).issuer}
        else:
            raise InvalidTrust("nothing is fetched from this provider: it has neither a metadata_url nor an issuer")
        if all(provider.draft.config.get(name) == value for name, value in changes.items()):
            return provider
        draft = replace(provider.draft, config={**provider.draft.config, **changes})
        return await self.providers.update(zid, origin, draft, actor=actor)

    async def refresh_due(self) -> None:
        """Ask those whose metadata is a day old; one that does not answer keeps what is known of it."""
        now = self.clock()
        due = [key for key in await self.providers.fetched() if now - self._fetched.get(key, now - EVERY) >= EVERY]
        for key in due[:MOST_AT_ONCE]:
            self._fetched[key] = now
            try:
                await self.refresh(*key, actor=_BY)
            except EntrywayError as error:
                log.warning("metadata_refresh_failed", zid=key[0], identity_provider=key[1], reason=error.detail)
            except Exception:
                # What one company publishes must not keep the others from being asked.
                log.exception("metadata_refresh_failed", zid=key[0], identity_provider=key[1])

    async def _newer(self, config: SamlTrust) -> str:
        document = await self._fetch(config.metadata_url)
        fetched = check_metadata(config.model_copy(update={"metadata": document}), self.clock())
        if fetched.entity.entity_id != read_partner_metadata(config).entity.entity_id:
            # Whoever has the address now may be somebody else; only an administrator can say that it is right.
            raise InvalidTrust(f"/config/metadata_url: it is of another provider now, {fetched.entity.entity_id}")
        return document

    async def _fetch(self, url: str) -> str:
        return await fetch_metadata(self.http, url, "/config/metadata_url")
