"""What the router reads in a token, and which tokens it refuses."""

import base64
import json
from typing import Any

import pytest

from entryway.clients.tokens import TokenSet
from entryway.router.errors import TokenInvalid
from entryway.router.sessions import Login
from entryway.router.user_token import read_login

NOW = 1000.0
CLAIMS = {"cid": "c", "aud": ["c"], "zid": "z", "exp": 2000, "sub": "7", "user_name": "alex", "scope": ["a", "b"]}


def token(claims: Any) -> str:
    return ".".join(
        base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in ("{}", json.dumps(claims), "s")
    )


def read(access_token: str, *, refresh: str | None = "r", ahead: float | None = 300, expires_in: int = 0) -> Login:
    tokens = TokenSet(access_token, refresh, None, expires_in, "")
    return read_login(tokens, NOW, client_id="c", zone_id="z", refresh_ahead=ahead)


def test_what_is_kept_ready():
    login = read(token(CLAIMS))
    assert (login.user, login.scopes, login.expires_at, login.refresh_at) == ("alex", {"a", "b"}, 2000, 1700)
    assert login.authorization == b"Bearer " + login.access_token.encode()
    assert login.access_token not in repr(login)


def test_a_token_that_lives_shorter_than_the_lead_time_is_not_renewed_early():
    assert read(token(CLAIMS | {"exp": 1200})).refresh_at is None
    assert read(token(CLAIMS), refresh=None).refresh_at is None
    assert read(token(CLAIMS), ahead=None).refresh_at is None


@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS | {"cid": "other", "aud": ["other"]},
        CLAIMS | {"zid": "other"},
        CLAIMS | {"exp": 999},
        {name: value for name, value in CLAIMS.items() if name != "exp"},
        CLAIMS | {"exp": "soon"},
        [],
        "text",
    ],
)
def test_other_tokens_are_refused(claims: Any):
    with pytest.raises(TokenInvalid):
        read(token(claims))


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "..", "a.W10.c"])
def test_text_that_is_no_token_is_refused(text: str):
    with pytest.raises(TokenInvalid):
        read(text)


@pytest.mark.parametrize(
    ("scope", "expected"), [("a b", {"a", "b"}), (None, set()), (5, set()), ([1, "a"], {"a"}), ({"a": 1}, set())]
)
def test_scopes_in_any_shape(scope: Any, expected: set[str]):
    assert read(token(CLAIMS | {"scope": scope})).scopes == expected


def test_an_audience_in_any_shape():
    assert read(token(CLAIMS | {"cid": "other", "aud": "c"})).user == "alex"
    with pytest.raises(TokenInvalid):
        read(token(CLAIMS | {"cid": "other", "aud": 5}))
