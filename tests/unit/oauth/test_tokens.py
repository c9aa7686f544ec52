from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.oauth import keys, tokens
from entryway.oauth.errors import InvalidToken

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ISSUER = "https://localhost:8443/oauth/token"
KEY = keys.generate("0badcafe")
RING = {KEY.kid: KEY.public}


def signed(**claims: object) -> str:
    body = {"iss": ISSUER, "exp": int((NOW + timedelta(hours=1)).timestamp()), "sub": "x", **claims}
    return tokens.sign(body, KEY, "https://localhost:8443/token_keys")


def test_our_own_token_is_read_back() -> None:
    assert tokens.verify(signed(scope=["a"]), RING, ISSUER, NOW)["scope"] == ["a"]


def test_the_header_says_how_to_verify() -> None:
    header = json.loads(base64.urlsafe_b64decode(signed().partition(".")[0] + "=="))
    assert header == {
        "alg": "RS256",
        "jku": "https://localhost:8443/token_keys",
        "kid": "default-jwt-key-0badcafe",
        "typ": "JWT",
    }


@pytest.mark.parametrize("name", ["a", "bb", "ccc", "Zoë", '"', "\\"])
def test_claims_that_tokens_repeat_are_read_back_with_their_own(name: str) -> None:
    # Names of different lengths, because what is put together ends anywhere within three bytes.
    repeated = tokens.Repeated({"iss": ISSUER, "user_name": name, "scope": ["a"], "xs.user.attributes": {}})
    own = {"jti": "0", "exp": int((NOW + timedelta(hours=1)).timestamp())}
    token = tokens.sign(own, KEY, "https://localhost:8443/token_keys", repeated)
    assert tokens.verify(token, RING, ISSUER, NOW) == {**repeated.claims, **own}


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(NOW.timestamp())},
        {"exp": int(NOW.timestamp()) - 1},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": True},
        {"iss": "https://localhost:8443"},
        {"iss": None},
    ],
)
def test_a_token_that_is_over_or_of_another_issuer_is_refused(claims: dict[str, object]) -> None:
    with pytest.raises(InvalidToken):
        tokens.verify(signed(**claims), RING, ISSUER, NOW)


def test_a_key_that_is_not_in_the_ring_verifies_nothing() -> None:
    with pytest.raises(InvalidToken):
        tokens.verify(signed(), {}, ISSUER, NOW)
    with pytest.raises(InvalidToken):
        tokens.verify(signed(), {KEY.kid: keys.generate("x").public}, ISSUER, NOW)


@given(st.integers(min_value=0), st.characters(codec="ascii"))
def test_a_changed_character_is_noticed(position: int, character: str) -> None:
    token = signed()
    at = position % len(token)
    changed = token[:at] + character + token[at + 1 :]
    if _meaning(changed) == _meaning(token):
        return
    with pytest.raises(InvalidToken):
        tokens.verify(changed, RING, ISSUER, NOW)


def _meaning(token: str) -> object:
    """Base64 without padding spares bits at the end of each part: two spellings of one token are one token."""
    try:
        return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")]
    except ValueError:
        return token


@given(st.text(max_size=300))
def test_any_text_is_refused_and_has_no_issuer(text: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.verify(text, RING, ISSUER, NOW)
    assert tokens.claimed_issuer(text) == ""


def test_the_claimed_issuer_is_read_without_belief() -> None:
    other = keys.generate("y")
    assert tokens.claimed_issuer(tokens.sign({"iss": "https://evil.example"}, other, "https://x.example")) == (
        "https://evil.example"
    )
    assert tokens.claimed_issuer(tokens.sign({"iss": 5}, other, "https://x.example")) == ""


def test_a_private_key_is_not_in_the_representation_or_the_published_form() -> None:
    assert "PRIVATE" not in repr(KEY)
    assert KEY.public_jwk.keys() == {"kty", "e", "use", "kid", "alg", "value", "n"}
    assert KEY.public_pem.startswith("-----BEGIN PUBLIC KEY-----")
