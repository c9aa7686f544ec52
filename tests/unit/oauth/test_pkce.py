from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.oauth import pkce
from entryway.oauth.errors import InvalidGrant, InvalidRequest
from entryway.oauth.pkce import Challenge

VERIFIERS = st.text(alphabet=string.ascii_letters + string.digits + "-._~", min_size=43, max_size=128)


def test_the_example_of_rfc_7636() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert pkce.s256(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@given(VERIFIERS)
def test_the_verifier_of_a_challenge_is_accepted(verifier: str) -> None:
    pkce.check(Challenge(pkce.s256(verifier), "S256"), verifier)
    pkce.check(Challenge(verifier, "plain"), verifier)


@given(VERIFIERS, VERIFIERS)
def test_another_verifier_is_refused(verifier: str, other: str) -> None:
    if verifier != other:
        for challenge in (Challenge(pkce.s256(verifier), "S256"), Challenge(verifier, "plain")):
            with pytest.raises(InvalidGrant):
                pkce.check(challenge, other)


def test_the_challenge_itself_is_no_verifier() -> None:
    verifier = "v" * 60
    with pytest.raises(InvalidGrant):
        pkce.check(Challenge(pkce.s256(verifier), "S256"), pkce.s256(verifier))


@pytest.mark.parametrize("verifier", [None, "", "short", "x" * 129, "ü" * 50])
def test_a_missing_or_malformed_verifier_is_refused(verifier: str | None) -> None:
    with pytest.raises(InvalidGrant):
        pkce.check(Challenge("c" * 43, "plain"), verifier)


def test_a_verifier_without_a_challenge_shows_a_downgrade() -> None:
    with pytest.raises(InvalidGrant):
        pkce.check(None, "v" * 43)
    pkce.check(None, None)


def test_a_challenge_is_read_with_its_method() -> None:
    assert pkce.challenge_of({}) is None
    assert pkce.challenge_of({"code_challenge": "c" * 43}) == Challenge("c" * 43, "plain")
    given = {"code_challenge": "c" * 128, "code_challenge_method": "S256"}
    assert pkce.challenge_of(given) == Challenge("c" * 128, "S256")


@pytest.mark.parametrize(
    "parameters",
    [
        {"code_challenge": "c" * 42},
        {"code_challenge": "c" * 129},
        {"code_challenge": "c" * 42 + "/"},
        {"code_challenge": "c" * 43, "code_challenge_method": "s256"},
        {"code_challenge_method": "S256"},
        {"code_challenge": "", "code_challenge_method": "S256"},
    ],
)
def test_a_malformed_challenge_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        pkce.challenge_of(parameters)
