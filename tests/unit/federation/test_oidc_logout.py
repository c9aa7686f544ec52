from __future__ import annotations

from typing import Any

import pytest

from entryway.federation.oidc_logout import EVENT, read
from entryway.federation.oidc_tokens import TokenInvalid

CLAIMS: dict[str, Any] = {"sub": "maria", "sid": "s-1", "jti": "1", "exp": 1_800_000_000, "events": {EVENT: {}}}


@pytest.mark.parametrize(
    ("without", "told"), [("", ("maria", "s-1")), ("sub", (None, "s-1")), ("sid", ("maria", None))]
)
def test_a_user_or_a_session_is_logged_out(without: str, told: tuple[str | None, str | None]) -> None:
    found = read({name: value for name, value in CLAIMS.items() if name != without})
    assert (found.subject, found.session_id) == told
    assert found.token_id == "1"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"events": None}, "no logout"),
        ({"events": {EVENT: True}}, "no logout"),
        ({"events": {"http://schemas.openid.net/event/other": {}}}, "no logout"),
        ({"nonce": "n"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": None, "sid": None}, "neither"),
        ({"sub": ["maria"]}, "sub"),
        ({"sid": ""}, "sid"),
        ({"sid": "x" * 1025}, "sid"),
        ({"jti": None}, "jti"),
        ({"exp": "soon"}, "exp"),
    ],
)
def test_what_is_no_logout_token_is_refused(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(TokenInvalid, match=reason):
        read(CLAIMS | changed)
