"""What a client sends about itself never passes for what the connector says about its user."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.errors import UpstreamError, UpstreamTimeout
from entryway.http import Headers, HeadersTooLarge
from entryway.tunnel.failures import NoConnector, ProxyAuthenticationRequired, TunnelFailure
from entryway.tunnel.forwarding import for_the_backend, is_identity_header, is_service_header
from entryway.tunnel.respond import CONNECTOR, PROXY, respond


def spellings(name: str) -> st.SearchStrategy[bytes]:
    letters = [st.sampled_from(["-", "_"]) if c in "-_" else st.sampled_from([c, c.upper()]) for c in name]
    return st.tuples(*letters).map(lambda parts: "".join(parts).encode())


@given(st.sampled_from(["ssl-client-cert", "ssl-client-anything", "x-forwarded-client-cert"]).flatmap(spellings))
def test_no_spelling_of_an_identity_passes(name: bytes) -> None:
    assert is_identity_header(name)
    assert len(for_the_backend(Headers.trusted([(name, b"x")]))) == 0


@given(
    st.sampled_from(
        ["sap-connectivity-authentication", "sap-connectivity-x", "proxy-authorization", "entryway-tunnel-principal"]
    ).flatmap(spellings)
)
def test_no_spelling_of_what_is_meant_for_us_passes(name: bytes) -> None:
    assert is_service_header(name)
    assert len(for_the_backend(Headers.trusted([(name, b"x")]))) == 0


@pytest.mark.parametrize(
    "name", [b"authorization", b"cookie", b"x-forwarded-for", b"ssl", b"x-ssl-client", b"sap-client", b"host"]
)
def test_everything_else_passes(name: bytes) -> None:
    headers = Headers([(name, b"x"), (name, b"y")])
    assert for_the_backend(headers) == headers


failures = [kind for kind in TunnelFailure.__subclasses__() if "__init__" not in vars(kind)]


@pytest.mark.parametrize("kind", failures)
def test_every_failure_says_who_and_what(kind: type[TunnelFailure]) -> None:
    response = respond(kind(detail="an internal secret"), CONNECTOR, "id-1")

    assert response.status == kind.status >= 400
    assert response.headers.text("x-error-origin") == "connector"
    assert response.headers.text("x-entryway-error-code") == kind.code
    assert isinstance(response.body, bytes)
    error = json.loads(response.body)["error"]
    assert (error["code"], error["message"], error["requestId"]) == (kind.code, kind.title, "id-1")
    assert b"secret" not in response.body
    assert ("proxy-authenticate" in response.headers.raw.__repr__()) is (kind is ProxyAuthenticationRequired)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (HeadersTooLarge(), 431, "EW_HEADERS_TOO_LARGE"),
        (UpstreamTimeout("internal.host"), 504, "EW_BACKEND_TIMEOUT"),
        (UpstreamError("internal.host"), 502, "EW_BACKEND_BROKEN"),
        (RuntimeError("internal.host"), 500, "EW_INTERNAL_ERROR"),
    ],
)
def test_other_errors_tell_nothing_of_inside(error: Exception, status: int, code: str) -> None:
    response = respond(error, PROXY, "id")
    assert (response.status, response.headers.text("x-entryway-error-code")) == (status, code)
    assert isinstance(response.body, bytes)
    assert b"internal.host" not in response.body


@given(st.text(max_size=2000), st.text(max_size=100))
def test_no_text_breaks_out_of_its_header(zid: str, location: str) -> None:
    message = respond(NoConnector(zid, location), PROXY, "id").headers.text("x-error-message")
    assert message is not None
    assert message.isprintable()
    assert message.isascii()
    assert len(message) <= 1024
