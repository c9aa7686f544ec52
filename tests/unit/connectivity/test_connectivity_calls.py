"""A proxy request is understood once, completely, or refused by name."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.connectivity.callers import speaks_for_a_user
from entryway.connectivity.calls import read_call, request_id_of, tunnel_headers
from entryway.connectivity.rate import ADDRESSES, Allowance
from entryway.errors import BadRequest
from entryway.http import Headers, HeadersTooLarge, HttpError
from entryway.tunnel.failures import (
    HttpsNotOffered,
    LocationMalformed,
    NotAbsoluteForm,
    PrincipalInvalid,
    ProxyAuthenticationRequired,
    TunnelFailure,
)

TOKEN = (b"proxy-authorization", b"Bearer a.b.c")


def test_a_call_in_full() -> None:
    headers = Headers(
        [
            (b"proxy-authorization", b"bearer  a.b.c "),
            (b"sap-connectivity-authentication", b"Bearer u.v.w"),
            (b"sap-connectivity-scc-location_id", b"plant1"),
        ]
    )
    call = read_call("GET", "http://ERP.Virtual:443/x?y=%20", headers)
    assert (call.authority, call.url) == ("erp.virtual:443", "http://erp.virtual:443/x?y=%20")
    assert (call.location_id, call.proxy_token, call.principal) == ("plant1", "a.b.c", "u.v.w")
    assert "a.b.c" not in repr(call)
    assert "u.v.w" not in repr(call)


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("http://erp", "http://erp/"),
        ("http://erp?x=1", "http://erp/?x=1"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("HTTP://erp:8000//a/../b", "http://erp:8000//a/../b"),  # what a path means, the connector judges
    ],
)
def test_a_target_crosses_as_it_is(target: str, url: str) -> None:
    assert read_call("GET", target, Headers([TOKEN])).url == url


@pytest.mark.parametrize(
    ("method", "target", "failure"),
    [
        ("CONNECT", "erp:443", HttpsNotOffered),
        ("GET", "https://erp/", HttpsNotOffered),
        ("GET", "ws://erp/", HttpsNotOffered),
        ("GET", "/path", NotAbsoluteForm),
        ("OPTIONS", "*", NotAbsoluteForm),
        ("GET", "http://user:pw@erp/", NotAbsoluteForm),
        ("GET", "http:///path", NotAbsoluteForm),
        ("GET", "http://erp:0/", NotAbsoluteForm),
        ("GET", "http://erp:99999/", NotAbsoluteForm),
        ("GET", "http://erp/#fragment", NotAbsoluteForm),
    ],
)
def test_a_target_that_is_not_for_a_proxy(method: str, target: str, failure: type[TunnelFailure]) -> None:
    with pytest.raises(failure):
        read_call(method, target, Headers([TOKEN]))


def basic(text: bytes) -> bytes:
    return b"Basic " + base64.b64encode(text)


@pytest.mark.parametrize(
    "values",
    [[], [b""], [b"Bearer"], [b"Bearer "], [b"Digest x"], [b"Bearer a", b"Bearer a"], [basic(b":")], [basic(b"a")],
     [basic(b"a:b")], [basic("ä:".encode())], [b"Basic !"], [b"Basic"]],
)  # fmt: skip
def test_proxy_credentials_that_are_none(values: list[bytes]) -> None:
    with pytest.raises(ProxyAuthenticationRequired):
        read_call("GET", "http://erp/", Headers([(b"proxy-authorization", value) for value in values]))


def test_a_token_as_the_user_of_basic() -> None:
    call = read_call("GET", "http://erp/", Headers([(b"proxy-authorization", basic(b"a.b.c:"))]))
    assert call.proxy_token == "a.b.c"


@pytest.mark.parametrize("value", [b"", b"x", b"Basic x", b"Bearer ", b"Bearer"])
def test_a_principal_that_is_no_token(value: bytes) -> None:
    with pytest.raises(PrincipalInvalid):
        read_call("GET", "http://erp/", Headers([TOKEN, (b"sap-connectivity-authentication", value)]))


def test_two_locations_are_none() -> None:
    location = b"sap-connectivity-scc-location_id"
    with pytest.raises(LocationMalformed):
        read_call("GET", "http://erp/", Headers([TOKEN, (location, b"a"), (location, b"b")]))


def test_a_line_that_is_too_long() -> None:
    with pytest.raises(HeadersTooLarge):
        read_call("GET", "http://erp/", Headers([TOKEN, (b"x", b"y" * 8192)]))


@given(st.text(), st.lists(st.tuples(st.sampled_from([TOKEN[0], b"sap-connectivity-authentication"]), st.binary())))
def test_any_request_is_read_or_refused_by_name(target: str, raw: list[tuple[bytes, bytes]]) -> None:
    # What is no error of ours would be a 500.
    with contextlib.suppress(BadRequest, TunnelFailure, HttpError):
        assert read_call("GET", target, Headers.trusted(raw)).url.startswith("http://")


def test_only_what_the_proxy_says_of_a_user_crosses() -> None:
    headers = Headers(
        [
            TOKEN,
            (b"host", b"other"),
            (b"entryway-tunnel-principal", b"forged"),
            (b"connection", b"x-hop"),
            (b"x-hop", b"1"),
            (b"x-request-id", b"theirs"),
            (b"accept", b"*/*"),
        ]
    )
    call = read_call("GET", "http://erp:44300/", headers)
    crossing = tunnel_headers(headers, call, None, "ours")
    assert crossing.raw == [(b"accept", b"*/*"), (b"host", b"erp:44300"), (b"x-request-id", b"ours")]
    assert tunnel_headers(headers, call, "u.v.w", "id").all(b"entryway-tunnel-principal") == [b"u.v.w"]


@pytest.mark.parametrize("given_id", [None, b"", b"a b", b"x" * 129, "é".encode()])
def test_an_id_is_made_where_none_is_usable(given_id: bytes | None) -> None:
    headers = Headers.trusted([] if given_id is None else [(b"x-request-id", given_id)])
    assert request_id_of(headers, "fresh") == "fresh"


@pytest.mark.parametrize(
    ("claims", "speaks"),
    [
        ({"grant_type": "client_credentials"}, False),
        ({"grant_type": "client_credentials", "user_name": "x"}, False),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "user_name": "x"}, True),
        ({"grant_type": "authorization_code", "user_id": "x"}, True),
        ({}, False),
    ],
)
def test_whose_token_is_a_users(claims: dict[str, str], *, speaks: bool) -> None:
    assert speaks_for_a_user(claims) is speaks


def test_attempts_run_out_and_come_back() -> None:
    allowance = Allowance(per_minute=2)
    assert [allowance.take("a", 0.0) for _ in range(3)] == [0, 0, 30]
    assert allowance.take("b", 0.0) == 0
    assert allowance.take("a", 29.0) == pytest.approx(1.0)
    assert allowance.take("a", 30.0) == 0
    assert allowance.take("a", 30.0) == 30


def test_addresses_without_number_cost_no_memory_without_bound() -> None:
    allowance = Allowance(per_minute=1)
    for number in range(ADDRESSES + 10):
        allowance.take(str(number), 0.0)
    assert len(allowance._buckets) == ADDRESSES
