"""The login's decisions: states belong to one browser for three minutes, and no login leads out of the application."""

import base64
import hashlib
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.router import login
from entryway.router.errors import (
    LoginCookieMissing,
    LoginDenied,
    LoginLocationRefused,
    LoginServerFailed,
    LoginStateInvalid,
    LoginStateMissing,
)

KEYS = login.derive_keys("the client's secret", None)
NOW = 1_800_000_000.0
ORIGIN = "https://app.example"


def begun(chance: int = 1, cookie: str | None = None) -> login.Attempt:
    return login.begin(KEYS, cookie, NOW, bytes([chance]) * 20)


def test_a_state_comes_back_with_its_cookie():
    attempt = begun()
    assert login.check_state(KEYS, attempt.state, ["other", attempt.cookie], NOW + 179) == attempt


def test_the_challenge_is_the_hash_of_the_verifier():
    attempt = begun()
    assert 43 <= len(attempt.verifier) <= 128
    digest = base64.urlsafe_b64decode(attempt.challenge + "=")
    assert digest == hashlib.sha256(attempt.verifier.encode()).digest()


def test_two_tabs_of_one_browser_can_both_end_well():
    first = begun(1)
    second = begun(2, first.cookie)
    assert first.cookie == second.cookie
    assert first.state != second.state
    for attempt in (first, second):
        assert login.check_state(KEYS, attempt.state, [first.cookie], NOW).verifier == attempt.verifier


def test_a_cookie_that_is_not_of_our_making_is_not_kept():
    assert begun(1, "chosen-by-an-attacker").cookie != "chosen-by-an-attacker"


@pytest.mark.parametrize("state", ["", "wrong", "00000000-0000-0000-0000-000000000000", "ä" * 36])
def test_a_made_up_state_is_refused(state: str):
    with pytest.raises(LoginStateInvalid):
        login.check_state(KEYS, state, [begun().cookie], NOW)


@pytest.mark.parametrize(
    "spell", [str.upper, "{{{}}}".format, "urn:uuid:{}".format, lambda state: state.replace("-", "")]
)
def test_a_state_in_another_spelling_is_refused_for_it_could_come_back_twice(spell):
    attempt = begun()
    with pytest.raises(LoginStateInvalid):
        login.check_state(KEYS, spell(attempt.state), [attempt.cookie], NOW)


def test_the_state_of_another_browser_is_refused():
    with pytest.raises(LoginStateInvalid, match="another browser"):
        login.check_state(KEYS, begun(1).state, [begun(2).cookie], NOW)
    with pytest.raises(LoginStateInvalid, match="missing"):
        login.check_state(KEYS, begun(1).state, [], NOW)


@pytest.mark.parametrize("later", [181, -60, 10_000_000])
def test_a_state_does_not_last(later: int):
    with pytest.raises(LoginStateInvalid):
        login.check_state(KEYS, begun().state, [begun().cookie], NOW + later)


def test_a_state_of_another_application_is_refused():
    other = login.derive_keys("another secret", None)
    with pytest.raises(LoginStateInvalid):
        login.check_state(other, begun().state, [begun().cookie], NOW)


def test_a_state_works_once():
    used = login.UsedStates()
    used.use("s", NOW)
    with pytest.raises(LoginStateInvalid):
        used.use("s", NOW + 1)
    used.use("t", NOW + 1000)
    used.use("s", NOW + 1000)  # by then check_state refuses it for its age


def test_the_location_must_be_one_that_we_signed():
    signature = quote(login.sign_location(KEYS, "/a?b=c"))
    assert login.check_location(KEYS, "%2Fa%3Fb%3Dc", signature, signed=True) == "/a?b=c"
    for cookie, given_signature in (("%2Fb", signature), ("%2Fa%3Fb%3Dc", ""), ("%2Fa%3Fb%3Dc", None), ("%2Fa", "§")):
        with pytest.raises(LoginLocationRefused):
            login.check_location(KEYS, cookie, given_signature, signed=True)
    with pytest.raises(LoginCookieMissing):
        login.check_location(KEYS, None, signature, signed=True)


@given(
    st.text(max_size=40)
    | st.sampled_from(["//evil.com", "/\\evil.com", "\\/evil.com", "https://evil.com", "javascript:x", "///evil.com"])
)
def test_a_login_never_leaves_the_application(location: str):
    try:
        path = login.local_path(location)
    except LoginLocationRefused:
        return
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert urlsplit(f"{ORIGIN}{path}").netloc == "app.example"
    path.encode("latin-1")
    assert not any(ord(character) < 32 for character in path)


def test_line_breaks_cannot_enter_the_answer():
    with pytest.raises(LoginLocationRefused):
        login.local_path("/a\r\nSet-Cookie: x=1")
    assert login.local_path("/a%0d%0aSet-Cookie:x=1") == "/a%0d%0aSet-Cookie:x=1"
    assert "\n" not in login.fragment_of("%23a%0d%0ab")


def test_the_callbacks_query_is_read():
    found = login.parse_callback("/login/callback?code=c&state=s&state=t")
    assert (found.code, found.state, found.error) == ("c", "s", None)
    login.check_callback(found, state_needed=True)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("code=c", LoginStateMissing),
        ("error=access_denied&state=s", LoginDenied),
        ("error=server_error&state=s", LoginServerFailed),
        ("error=access_denied", LoginStateMissing),
    ],
)
def test_a_callback_that_failed_says_how(query: str, error: type[Exception]):
    with pytest.raises(error):
        login.check_callback(login.parse_callback(f"/cb?{query}"), state_needed=True)


def test_the_authorize_url_has_the_form_that_servers_know():
    attempt = begun()
    url = login.authorize_url(
        "https://uaa/oauth/authorize", "sb-a!t1", "http://h/cb", identity_provider="my idp", attempt=attempt, pkce=True
    )
    assert url == (
        "https://uaa/oauth/authorize?response_type=code&client_id=sb-a!t1&redirect_uri=http%3A%2F%2Fh%2Fcb&idp=my%20idp"
        f"&state={attempt.state}&code_challenge={attempt.challenge}&code_challenge_method=S256"
    )
