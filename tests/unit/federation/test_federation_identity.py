"""Which mail address counts as confirmed, as OpenID Connect providers say it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from entryway.federation.configuration import AttributeNames
from entryway.federation.identity import of_claims

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        ({"email_verified": True}, (True, True)),
        ({"email_verified": "true"}, (True, True)),
        ({}, (True, False)),
        ({"email_verified": False}, (False, False)),
        ({"email_verified": "false"}, (False, False)),
        ({"email_verified": "no"}, (False, False)),
        ({"email_verified": None}, (False, False)),
        ({"email_verified": [True]}, (False, False)),
    ],
)
def test_an_address_is_confirmed_when_the_provider_says_so(told: dict[str, Any], counts: tuple[bool, bool]) -> None:
    found = of_claims({"sub": "7", "email": "a@example.com", **told}, AttributeNames(), NOW)
    assert (found.email_verified, found.email_confirmed) == counts


def test_what_is_said_of_one_address_does_not_count_for_another() -> None:
    claims = {"sub": "7", "email": "a@example.com", "work": "b@example.com", "email_verified": True}
    found = of_claims(claims, AttributeNames(email="work"), NOW)
    assert (found.email, found.email_confirmed) == ("b@example.com", False)
