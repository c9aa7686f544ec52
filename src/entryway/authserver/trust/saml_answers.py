"""What an assertion of a partner has to be, wherever it is presented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from entryway.authserver.seen_assertions import SeenAssertions
    from entryway.authserver.trust.saml_partners import Partner
    from entryway.saml.assertion import Assertion


async def check_first(seen: SeenAssertions, zid: str, partner: Partner, assertion: Assertion) -> None:
    """Raise SamlInvalid when an assertion comes a second time, to whichever process."""
    until = assertion.expires_at.timestamp()
    if not await seen.is_first(zid, "saml", partner.entity_id, assertion.id, until):
        raise SamlInvalid("the assertion has been used already")
