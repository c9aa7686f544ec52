"""Which session a calling service names, judged without a store."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entryway.config.xs_app_environment import ServiceSessionSettings
from entryway.errors import EntrywayError
from entryway.http import Headers
from entryway.router.service_callers import Caller
from entryway.router.service_sessions import LONGEST_SECONDS, LONGEST_UNSIGNED_SECONDS, name_of, read_expiry
from entryway.router.sessions import Login

NOW = 1_800_000_000.0
SIGNED = ServiceSessionSettings(secrets=("secret",))
UNSIGNED = ServiceSessionSettings(unsigned=True)
LOGIN = Login("a.b.c", None, NOW + 60, None, b"", frozenset(), {}, "alex")
CALLER = Caller(LOGIN, "jti-1", NOW + 60)


def named(name: bytes, signature: bytes, expiry: bytes) -> Headers:
    return Headers(
        [
            (b"x-approuter-ext-session-id", name),
            (b"x-approuter-ext-session-id-sig", signature),
            (b"x-approuter-ext-session-expiry", expiry),
        ]
    )


def test_the_token_names_the_session_of_who_names_none():
    found = name_of(Headers([]), CALLER, SIGNED, NOW)
    assert (found.text, found.until) == ("jti-1", NOW + 60)


def test_a_signature_is_over_the_name_alone():
    signature = base64.b64encode(hmac.digest(b"secret", b"sid-1", hashlib.sha256)).rstrip(b"=")
    assert name_of(named(b"sid-1", signature, b"1800000500"), CALLER, SIGNED, NOW).until == NOW + 500


@pytest.mark.parametrize(
    ("value", "until"),
    [
        (b"1800000500", NOW + 500),
        (b" 1800000500 ", NOW + 500),
        (b"1800000500000", NOW + 500),
        (b"99999999999", 99999999999),
        (b"9999999999999999", 9999999999999.999),
    ],
)
def test_until_when_a_session_is_kept(value: bytes, until: float):
    assert read_expiry(value, NOW) == until


@pytest.mark.parametrize(("rules", "seconds"), [(SIGNED, LONGEST_SECONDS), (UNSIGNED, LONGEST_UNSIGNED_SECONDS)])
def test_no_session_is_kept_for_ever(rules: ServiceSessionSettings, seconds: float):
    signature = base64.b64encode(hmac.digest(b"secret", b"sid-1", hashlib.sha256)).rstrip(b"=")
    assert name_of(named(b"sid-1", signature, b"99999999999"), CALLER, rules, NOW).until == NOW + seconds


PARTS = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=300).map(
    lambda t: t.encode("latin-1")
)


@settings(max_examples=100)
@given(name=PARTS, signature=PARTS, expiry=PARTS | st.integers().map(lambda n: str(n).encode()))
def test_whatever_is_sent_is_refused_or_good(name: bytes, signature: bytes, expiry: bytes):
    headers = named(name.strip(), signature.strip(), expiry.strip())
    try:
        outcome: object = name_of(headers, CALLER, SIGNED, NOW).text
    except EntrywayError as error:
        outcome = error.status
    # Nobody guesses a signature; and who names no session has that of the token.
    assert outcome in (400, 401, "jti-1")
