"""What an assertion of a partner has to be, wherever it is presented."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import TYPE_CHECKING

from entryway.saml.assertion import Expected
from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from entryway.authserver.seen_assertions import SeenAssertions
    from entryway.authserver.trust.saml_partners import Partner, ServiceProvider
    from entryway.saml.assertion import Assertion


def expected(
    partner: Partner, own: ServiceProvider, recipient: str, audiences: AbstractSet[str], request_id: str | None
) -> Expected:
    """Return what an assertion of a partner has to be."""
    return Expected(
        issuer=partner.entity_id,
        certificates=partner.metadata.entity.signing,
        recipient=recipient,
        audiences=frozenset(audiences),
        request_id=request_id,
        keys=own.keys,
        authn_contexts=partner.config.authn_contexts,
        longest_authentication_age=timedelta(seconds=partner.config.longest_authentication_age),
        name_id_format=partner.config.name_id_format,
        allow_sha1=partner.config.allow_sha1,
    )


async def check_first(seen: SeenAssertions, zid: str, partner: Partner, assertion: Assertion) -> None:
    """Raise SamlInvalid when an assertion comes a second time, to whichever process."""
    until = assertion.expires_at.timestamp()
    if not await seen.is_first(zid, "saml", partner.entity_id, assertion.id, until):
        raise SamlInvalid("the assertion has been used already")
