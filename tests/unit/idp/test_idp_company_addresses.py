"""Whether an address that a company's provider says is confirmed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from entryway.federation.configuration import AttributeNames
from entryway.federation.identity import of_claims
from entryway.idp.corporate.links import _is_confirmed
from entryway.idp.users.user import UserValues

NEW, OURS = "new@company.example", "ours@company.example"


@pytest.mark.parametrize(
    ("said", "known", "confirmed"),
    [
        ({"email": NEW, "email_verified": True}, False, True),
        ({"email": NEW, "email_verified": False}, True, False),
        # Who says nothing of it has not confirmed: users of some providers write their address themselves.
        ({"email": NEW}, True, False),
        ({"email": OURS}, True, True),
        ({"email": OURS}, False, False),
        ({"email": OURS, "email_verified": False}, True, False),
        ({}, True, True),
        ({}, False, False),
    ],
)
def test_an_address_is_confirmed_when_its_provider_says_so(
    said: dict[str, Any], *, known: bool, confirmed: bool
) -> None:
    identity = of_claims({"sub": "x", **said}, AttributeNames(), datetime.now(UTC))
    before = UserValues(user_name="x", email=OURS, email_verified=known)
    assert _is_confirmed(identity, before) is confirmed
