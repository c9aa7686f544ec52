"""Which pages of other origins may call, and what compresses."""

from typing import Any

import pytest

from entryway.config.xs_app_document import CorsDocument
from entryway.http import Body, Headers, Peer, Request, Response
from entryway.router.codings import choose
from entryway.router.cors import Cors, CrossOriginRefused, build_cors

PAGE = "https://www.good.com"


def rules(**entry: Any) -> Cors:
    document = {
        "uriPattern": "^/api/",
        "allowedOrigin": [{"host": "www.good.com", "protocol": "https"}, {"host": "*.wild.com"}],
    }
    return build_cors([CorsDocument.model_validate(document | entry)], [])


def ask(cors: Cors, origin: str | None, method: str = "GET", path: str = "/api/x", **headers: str) -> Any:
    raw = [(b"host", b"app.example")] + ([] if origin is None else [(b"origin", origin.encode())])
    raw += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return cors.check(Request(method, path, Headers(raw), Body.of(b""), Peer("h", 1)), path)


def test_a_preflight_is_answered():
    answer = ask(
        rules(allowedMethods=["PUT"], allowedHeaders=["X-Mine"]),
        PAGE,
        "OPTIONS",
        access_control_request_method="PUT",
        access_control_request_headers="x-mine",
    )
    assert isinstance(answer, Response)
    assert dict(answer.headers.raw) == {
        b"access-control-allow-origin": PAGE.encode(),
        b"access-control-allow-credentials": b"true",
        b"access-control-allow-methods": b"PUT",
        b"access-control-allow-headers": b"X-Mine",
        b"access-control-max-age": b"1800",
        b"vary": b"Origin",
    }


def test_header_lists_are_read_by_the_grammar():
    headers = "Accept,  Origin ,Content-Type, X-Requested-With"
    assert isinstance(
        ask(rules(), PAGE, "OPTIONS", access_control_request_method="GET", access_control_request_headers=headers),
        Response,
    )


@pytest.mark.parametrize(
    "origin",
    [
        "http://www.good.com",
        "https://evil.com",
        "https://wild.com",
        "null",
        "https://www.good.com.evil.com",
        "https://www.good.com/x",
    ],
)
def test_other_origins_are_refused(origin: str):
    with pytest.raises(CrossOriginRefused):
        ask(rules(), origin)


def test_methods_and_headers_that_are_not_listed_are_refused():
    with pytest.raises(CrossOriginRefused):
        ask(rules(), PAGE, "DELETE")
    with pytest.raises(CrossOriginRefused):
        ask(rules(), PAGE, "OPTIONS", access_control_request_method="DELETE")
    with pytest.raises(CrossOriginRefused):
        ask(rules(), PAGE, "OPTIONS", access_control_request_method="GET", access_control_request_headers="x-evil")


def test_an_ordinary_request_gets_the_headers():
    granted = dict(ask(rules(exposeHeaders=["X-A", "X-B"]), PAGE))
    assert granted[b"access-control-expose-headers"] == b"X-A, X-B"
    assert granted[b"vary"] == b"Origin"
    assert dict(ask(rules(allowedCredentials=False), PAGE))[b"access-control-allow-origin"] == b"*"


def test_what_no_rule_concerns_passes():
    assert ask(rules(), None) == ()
    assert ask(rules(), "http://app.example", "DELETE") == ()
    assert ask(rules(), "https://evil.com", path="/other") == ()
    assert ask(rules(hostPattern="^special$"), "https://evil.com") == ()
    with pytest.raises(CrossOriginRefused):
        ask(rules(hostPattern="^special$"), "https://evil.com", x_forwarded_host="special")


def test_a_negative_age_leaves_the_header_out():
    answer = ask(rules(maxAge=-1), PAGE, "OPTIONS", access_control_request_method="GET")
    assert b"access-control-max-age" not in answer.headers


def test_the_file_replaces_the_environments_rule_of_the_same_pattern():
    file, env = (
        CorsDocument.model_validate({"uriPattern": "^/a", "allowedOrigin": [{"host": host}]})
        for host in ("file.com", "env.com")
    )
    other = CorsDocument.model_validate({"uriPattern": "^/b", "allowedOrigin": [{"host": "env.com"}]})
    cors = build_cors([file], [env, other])
    with pytest.raises(CrossOriginRefused):
        ask(cors, "http://env.com", path="/a")
    assert ask(cors, "http://env.com", path="/b")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (b"gzip", b"gzip"),
        (b"deflate", b"deflate"),
        (b"gzip, deflate, br", b"br"),
        (b"gzip, deflate, br, zstd", b"br"),
        (b"gzip, zstd", b"zstd"),
        (b"gzip, deflate", b"gzip"),
        (b"gzip;q=0", None),
        (b"identity", None),
        (b"", None),
        (b"*", b"br"),
        (b"*;q=0", None),
        (b"gzip;q=0.1, deflate;q=0.9", b"deflate"),
        (b"gzip;q=x", None),
        (b"br;q=0, *", b"zstd"),
        (b"gzip;q=2", None),
        (b"gzip;q=-1", None),
        (b"gzip;q=nan", None),
    ],
)
def test_the_coding_that_the_client_likes_best(accepted: bytes, coding: bytes | None):
    assert choose(accepted) == coding
