from __future__ import annotations

import pytest

from entryway.oauth import login_hints
from entryway.oauth.errors import InvalidRequest


@pytest.mark.parametrize(
    ("idp", "hint", "expected"),
    [
        (None, None, ((), None)),
        ("", "", ((), None)),
        ("sap.custom", None, (("sap.custom",), None)),
        ("sap.custom, local", '{"origin":"other"}', (("sap.custom", "local"), None)),
        (None, '{"origin":"sap.default"}', (("sap.default",), None)),
        (None, "erin@example.com", ((), "erin@example.com")),
    ],
)
def test_hints_are_understood(idp: str | None, hint: str | None, expected: tuple) -> None:
    assert login_hints.parse(idp, hint) == expected


@pytest.mark.parametrize(
    ("idp", "hint"),
    [
        ("a\u202eb", None),
        (",".join("abcdefghijk"), None),
        ("x" * 256, None),
        (None, "x" * 256),
        (None, "{"),
        (None, "{}"),
        (None, '{"origin":1}'),
        (None, '{"a":' * 100_000),
    ],
)
def test_hints_that_name_nothing_are_refused(idp: str | None, hint: str | None) -> None:
    with pytest.raises(InvalidRequest):
        login_hints.parse(idp, hint)
