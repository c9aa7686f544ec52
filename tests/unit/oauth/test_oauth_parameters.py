from __future__ import annotations

import base64
from urllib.parse import quote_plus, unquote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.errors import EntrywayError
from entryway.oauth import credentials, parameters
from entryway.oauth.credentials import PresentedCredentials
from entryway.oauth.errors import BadCredentials, InvalidRequest, OAuthError, echo

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)


@given(st.dictionaries(TEXT, TEXT, max_size=10))
def test_parameters_come_back_as_they_were_encoded(given_parameters: dict[str, str]) -> None:
    assert parameters.parse(urlencode(given_parameters).encode()) == given_parameters


@given(st.text(alphabet="%+aAfF0239", max_size=12))
def test_escapes_mean_what_they_mean_to_the_standard_library(value: str) -> None:
    encoded = value.encode("ascii", "ignore")
    try:
        found = parameters.parse(b"a=" + encoded)
    except InvalidRequest:
        with pytest.raises((UnicodeDecodeError, AssertionError)):
            assert unquote_plus(encoded.decode(), errors="strict").isprintable()
        return
    assert found == {"a": unquote_plus(encoded.decode(), errors="strict")}


@given(st.binary(max_size=200))
def test_any_bytes_are_parameters_or_refused(encoded: bytes) -> None:
    try:
        found = parameters.parse(encoded)
    except OAuthError:
        return
    assert all(isinstance(value, str) for value in found.values())
    assert not any("\x00" in name + value for name, value in found.items())


@pytest.mark.parametrize(
    "encoded", [b"a=1&a=2", b"a=%00", b"a=%0a", b"a=%ff", b"\xff=1", b"a=\xc3\xa9", b"a=%7f", b"&".join([b"a=1"] * 101)]
)
def test_what_could_be_misread_is_refused(encoded: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parameters.parse(encoded)


def test_query_and_body_are_one() -> None:
    assert parameters.of_request(b"grant_type=x", b"") == {"grant_type": "x"}
    assert parameters.of_request(b"zid=1", b"a=2") == {"zid": "1", "a": "2"}
    assert parameters.of_request(b"a=", b"b=&c=1") == parameters.of_request(b"", b"c=1&b=") == {"c": "1"}
    assert parameters.of_request(b"request-id=1", b"request-id=1&a=2") == {"request-id": "1", "a": "2"}
    with pytest.raises(InvalidRequest):
        parameters.of_request(b"a=1", b"a=2")


@pytest.mark.parametrize("name", ["client_secret", "password", "assertion", "refresh_token"])
def test_secrets_do_not_belong_in_the_url(name: str) -> None:
    with pytest.raises(InvalidRequest):
        parameters.of_request(f"{name}=x".encode(), b"")


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def test_credentials_in_the_body() -> None:
    form = {"client_id": "sb-a!t1", "client_secret": "s$1="}
    assert credentials.presented(None, form, url_encoded=False) == [PresentedCredentials("sb-a!t1", "s$1=")]


def test_raw_basic_credentials_are_taken_as_they_are() -> None:
    assert credentials.presented(basic("sb-a!t1", "s:$1="), {}, url_encoded=False) == [
        PresentedCredentials("sb-a!t1", "s:$1=")
    ]


def test_declared_encoding_is_undone_and_undeclared_is_tried_second() -> None:
    encoded = basic(quote_plus("sb-a!t1"), quote_plus("s+$1="))
    real = PresentedCredentials("sb-a!t1", "s+$1=")
    assert credentials.presented(encoded, {}, url_encoded=True) == [real]
    raw, decoded = credentials.presented(encoded, {}, url_encoded=False)
    assert raw.client_id == "sb-a%21t1"
    assert decoded == real


@pytest.mark.parametrize(
    ("authorization", "form"),
    [
        (None, {}),
        (None, {"client_id": "a"}),
        (None, {"client_secret": "a"}),
        (None, {"client_id": "a", "client_secret": ""}),
        ("Bearer x", {}),
        ("Basic", {}),
        ("Basic ====", {}),
        ("Basic " + base64.b64encode(b"no colon").decode(), {}),
        ("Basic " + base64.b64encode(b":secret").decode(), {}),
        ("Basic " + base64.b64encode(b"client:").decode(), {}),
        ("Basic " + base64.b64encode(b"a\x00b:c").decode(), {}),
        ("Basic " + base64.b64encode(b"\xff:c").decode(), {}),
        ("Basic " + base64.b64encode(b"a:%ff").decode(), {}),
    ],
)
def test_what_is_no_credentials_is_refused(authorization: str | None, form: dict[str, str]) -> None:
    with pytest.raises(BadCredentials):
        credentials.presented(authorization, form, url_encoded=False)


def test_two_ways_that_disagree_or_two_clients_are_refused() -> None:
    same = credentials.presented(basic("a", "b"), {"client_id": "a", "client_secret": "b"}, url_encoded=False)
    assert list(same) == [PresentedCredentials("a", "b")]
    with pytest.raises(InvalidRequest):
        credentials.presented(basic("a", "b"), {"client_secret": "c"}, url_encoded=False)
    with pytest.raises(InvalidRequest):
        credentials.presented(basic("a", "b"), {"client_id": "c"}, url_encoded=False)


def test_a_secret_is_not_in_the_representation() -> None:
    assert "hush" not in repr(PresentedCredentials("a", "hush"))


def test_what_is_shown_back_is_short_and_printable() -> None:
    assert echo("a\x00b\u202ec") == "a?b?c"
    assert len(echo("x" * 5000)) == 201


def test_the_caller_learns_the_description_and_the_log_the_detail() -> None:
    error: EntrywayError = BadCredentials(detail="unknown user")
    assert isinstance(error, OAuthError)
    assert error.description == "Bad credentials"
    assert error.detail == "unknown user"
