"""Header lines that are written once for many requests are those that would be written for each."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from entryway.config.xs_app import read_xs_app
from entryway.http import Headers, Origin, Peer, Request, Timeouts, heads
from entryway.http.body import EMPTY
from entryway.http.known_heads import KnownHead
from entryway.router.backend_cookies import CookieJar
from entryway.router.backends import Backend
from entryway.router.cookies import SessionCookie
from entryway.router.forward import Forwarding
from entryway.router.known_forwarding import known_fields
from entryway.router.routes import ServedRoute, serve_route
from entryway.router.sessions import Login, Session

FORWARDING = Forwarding(SessionCookie({"JSESSIONID"}), b"acme")
BACKEND = Backend("b", Origin("http", "backend", 80), "/base", Timeouts(), forward_token=True)
LOGIN = Login("tok", None, 1e12, None, b"Bearer tok", frozenset(), {}, "alex")
SENT = [
    (b"host", b"app.example"),
    (b"accept", b"x"),
    (b"cookie", b"JSESSIONID=s; own=1"),
    (b"connection", b"keep-alive"),
    (b"x-csrf-token", b"t"),
    (b"authorization", b"Basic own"),
]


@pytest.fixture(scope="module")
def routes(tmp_path_factory) -> list[ServedRoute]:
    """Return routes that differ in what they say about tokens."""
    file = tmp_path_factory.mktemp("app") / "xs-app.json"
    kinds = [{}, {"csrfProtection": False}, {"authenticationType": "none"}]
    file.write_text(json.dumps({"routes": [{"source": "^/", "destination": "b"} | kind for kind in kinds]}))
    return [serve_route(route, "xsuaa", False, "x") for route in read_xs_app(file).routes]


def session(login: Login | None = LOGIN) -> Session:
    return Session("n", b"c", b"csrf", 0.0, login)


def asked(block: KnownHead, target: str = "/in?q=1", peer: str = "192.0.2.7", scheme: str = "http") -> Request:
    headers = Headers.trusted(block.headers.copy())
    headers.known = block
    return Request("GET", target, headers, EMPTY, Peer(peer, 1), scheme)


def written(
    request: Request, backend: Backend, user: Session | None, served: ServedRoute, forwarding: Forwarding
) -> set[bytes]:
    headers = forwarding.request_headers(
        request,
        backend,
        user,
        hide_csrf=served.csrf,
        public=served.public,
        correlation_id=b"cid",
        target="/base/x",
    )
    return set(heads.request_fields(headers, backend.origin.authority).split(b"\r\n"))


def test_they_are_the_same_for_whatever_changes_between_two_requests(routes):
    block, user, other = KnownHead(SENT), session(), session(replace(LOGIN, authorization=b"Bearer other"))
    renewed = session()
    plain = replace(BACKEND, forward_token=False)
    unnamed, moved = replace(BACKEND, forwarded_headers=False), replace(BACKEND, origin=Origin("http", "elsewhere", 81))
    keeping = replace(BACKEND, preserve_host=True)
    kinds = [
        (backend, who)
        for backend in (BACKEND, plain, unnamed, moved, keeping)
        for who in (None, user, other, renewed, session(None))
    ]
    for turn in range(3):
        for backend, who in kinds:
            for served in routes:
                for forwarding in (FORWARDING, replace(FORWARDING, tenant=None)):
                    for peer, scheme in (("192.0.2.7", "http"), ("192.0.2.8", "http"), ("192.0.2.8", "https")):
                        request = asked(block, f"/{turn}?q", peer, scheme)
                        fields = known_fields(forwarding, request, backend, who, served, b"cid")
                        assert fields is not None
                        expected = written(request, backend, who, served, forwarding)
                        assert set(fields.split(b"\r\n")) == expected
        renewed.login = replace(LOGIN, authorization=b"Bearer %d" % turn)


def test_who_has_logged_out_leaves_no_token_behind(routes):
    block, user = KnownHead(SENT), session()
    assert b"Bearer tok" in (known_fields(FORWARDING, asked(block), BACKEND, user, routes[0], b"1") or b"")
    assert b"Bearer" not in (known_fields(FORWARDING, asked(block), BACKEND, None, routes[0], b"1") or b"")
    user.login = None
    assert b"Bearer" not in (known_fields(FORWARDING, asked(block), BACKEND, user, routes[0], b"1") or b"")


@pytest.mark.parametrize("changes", [{"headers": ((b"a", b"b"),)}, {"defaults": ((b"a", b"b"),)}])
def test_a_destination_with_headers_of_its_own_is_written_to_each_time(changes, routes):
    assert known_fields(FORWARDING, asked(KnownHead(SENT)), replace(BACKEND, **changes), None, routes[0], b"1") is None


def test_cookies_that_the_session_keeps_for_a_backend_are_written_each_time(routes):
    user = session()
    user.jars = {"b": CookieJar()}
    assert known_fields(FORWARDING, asked(KnownHead(SENT)), BACKEND, user, routes[0], b"1") is None


def test_headers_that_nobody_knows_are_written_each_time(routes):
    request = asked(KnownHead(SENT))
    request.headers = request.headers.without((b"accept",))
    assert known_fields(FORWARDING, request, BACKEND, None, routes[0], b"1") is None


def test_a_correlation_id_cannot_begin_another_line(routes):
    with pytest.raises(heads.UnsafeHead):
        known_fields(FORWARDING, asked(KnownHead(SENT)), BACKEND, None, routes[0], b"1\r\nx: y")


def test_a_cookies_value_is_found_once_and_for_its_name_alone(routes):
    block = KnownHead([(b"host", b"a"), (b"cookie", b"fields=1; JSESSIONID=2")])
    cookie, other = SessionCookie({"fields", "JSESSIONID"}), SessionCookie({"JSESSIONID"})
    for _ in range(2):
        assert known_fields(FORWARDING, asked(block), BACKEND, None, routes[0], b"1") is not None
        assert [cookie.value_in(asked(block).headers, name) for name in ("fields", "JSESSIONID")] == [b"1", b"2"]
        assert other.value_in(asked(block).headers, "JSESSIONID") == b"2"
    assert cookie.value_in(Headers([(b"cookie", b"fields=3")]), "fields") == b"3"
    assert cookie.value_in(asked(KnownHead([])).headers, "fields") is None


def test_a_path_that_a_proxy_left_empty_is_told_anew_each_time(routes):
    block = KnownHead([*SENT, (b"x-forwarded-path", b"")])

    told = [known_fields(FORWARDING, asked(block, path), BACKEND, None, routes[0], b"cid") for path in ("/a", "/b")]

    assert [b"x-forwarded-path: /a" in told[0], b"x-forwarded-path: /b" in told[1]] == [True, True]
