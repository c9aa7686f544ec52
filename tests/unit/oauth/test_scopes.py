from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.oauth import scopes
from entryway.oauth.errors import InvalidRequest, InvalidScope

NAMES = st.sets(st.sampled_from(["a!t1.X", "a!t1.Y", "b!t1.Z", "openid", "uaa.user"]))


@pytest.mark.parametrize("text", [None, "", " ", ",", "+"])
def test_an_empty_parameter_asks_for_nothing_in_particular(text: str | None) -> None:
    assert scopes.parse(text) == frozenset()


@pytest.mark.parametrize("text", ["a.X b.Y", "a.X,b.Y", "a.X+b.Y", " a.X ,, b.Y+a.X "])
def test_each_separator_is_understood(text: str) -> None:
    assert scopes.parse(text) == {"a.X", "b.Y"}


def test_a_scope_may_hold_a_backslash() -> None:
    assert scopes.parse("a\\b!t1.X") == {"a\\b!t1.X"}


@pytest.mark.parametrize("text", ['a"b', "ü", "x" * 301, "a\x7fb"])
def test_characters_that_no_scope_has_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        scopes.parse(text)


@given(granted=NAMES, allowed=NAMES, requested=NAMES)
def test_nothing_is_given_beyond_what_is_granted_allowed_and_asked_for(
    granted: set[str], allowed: set[str], requested: set[str]
) -> None:
    if requested <= allowed:
        left = scopes.limit(granted, allowed, requested)
        assert left <= granted
        assert left <= allowed
        assert left <= requested or not requested
    else:
        with pytest.raises(InvalidScope):
            scopes.limit(granted, allowed, requested)


@given(granted=NAMES, requested=NAMES)
def test_a_refresh_never_widens(granted: set[str], requested: set[str]) -> None:
    if requested <= granted:
        assert scopes.narrow(granted, requested) == (requested or granted)
    else:
        with pytest.raises(InvalidScope):
            scopes.narrow(granted, requested)


def test_the_audience_names_every_application_whose_scope_is_in_the_token() -> None:
    given = {"app!t1.sub.Read", "app!t1.Edit", "openid", "uaa.user", "uaa.none", "profile"}
    assert scopes.audience("sb-app!t1", given) == ["sb-app!t1", "app!t1", "app!t1.sub", "openid", "uaa"]
    assert scopes.audience("sb-app!t1", ["uaa.none"]) == ["sb-app!t1"]
