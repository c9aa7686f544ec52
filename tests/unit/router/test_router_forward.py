"""Which headers cross the router, and which must not."""

import dataclasses
import ssl

import pytest

from entryway.http import Body, Headers, Origin, Peer, Request, Response, Timeouts
from entryway.router.backends import Backend
from entryway.router.cookies import SessionCookie
from entryway.router.forward import Forwarding
from entryway.router.returned import CookieSorter, additions, end_to_end, parse_set_cookie, remember
from entryway.router.sessions import Login, Session

FORWARDING = Forwarding(SessionCookie({"JSESSIONID"}), b"acme")
BACKEND = Backend("b", Origin("http", "backend", 80), "/base", Timeouts(), forward_token=True)


def request(*headers: tuple[str, str], target: str = "/in?q=1") -> Request:
    raw = [(b"host", b"app.example"), *((name.encode(), value.encode()) for name, value in headers)]
    return Request("GET", target, Headers(raw), Body.of(b""), Peer("192.0.2.7", 1))


def session(*, login: bool = True) -> Session:
    user = Login("tok", None, 1e12, None, b"Bearer tok", frozenset(), {}, "alex") if login else None
    return Session("n", b"c", b"csrf", 0.0, user)


def forwarded(
    *headers: tuple[str, str], backend: Backend = BACKEND, user: Session | None = None, hide_csrf: bool = True
) -> dict[str, str]:
    sent = FORWARDING.request_headers(
        request(*headers), backend, user, hide_csrf=hide_csrf, correlation_id=b"cid", target="/base/x"
    )
    names = [name for name, _ in sent.raw]
    assert len(names) == len(set(names))
    return {name.decode(): value.decode() for name, value in sent.raw}


def test_the_backend_learns_how_the_client_asked():
    sent = forwarded(("accept", "x"))
    assert sent == {
        "accept": "x",
        "x-forwarded-host": "app.example",
        "x-forwarded-proto": "http",
        "x-forwarded-for": "192.0.2.7",
        "x-forwarded-path": "/in",
        "tenantid": "acme",
        "x-correlationid": "cid",
    }


@pytest.mark.parametrize(
    ("user", "forward_token", "public", "expected"),
    [
        (None, False, True, "Basic own"),
        ("alex", False, True, "Basic own"),
        ("alex", True, True, "Bearer tok"),
        ("alex", False, False, None),
        ("alex", True, False, "Bearer tok"),
    ],
)
def test_the_applications_own_authorization_passes_on_public_routes(
    user: str | None, forward_token: object, public: object, expected: str | None
):
    sent = FORWARDING.request_headers(
        request(("authorization", "Basic own")),
        dataclasses.replace(BACKEND, forward_token=bool(forward_token)),
        session() if user else None,
        hide_csrf=False,
        public=bool(public),
        correlation_id=b"cid",
        target="/",
    )
    assert sent.text("authorization") == expected


def test_a_backend_that_is_told_of_a_logout_learns_about_the_client_and_not_about_its_request():
    asked = request(("user-agent", "x"), ("range", "bytes=0-1"), ("content-type", "x"), ("tenantid", "evil"))
    told = FORWARDING.background_headers(BACKEND, session(), "/bye", asked, b"cid")
    assert {name: told.text(name) for name in ("user-agent", "range", "content-type", "tenantid")} == {
        "user-agent": "x",
        "range": None,
        "content-type": None,
        "tenantid": "acme",
    }


@pytest.mark.parametrize(("scheme", "kept"), [("http", []), ("https", [b"s"])])
def test_a_secure_cookie_is_kept_for_a_backend_that_is_asked_over_tls(scheme: str, kept: list[bytes]):
    cookie = parse_set_cookie(b"s=1; Secure")
    assert cookie is not None
    user = session()
    tls = ssl.create_default_context() if scheme == "https" else None
    backend = dataclasses.replace(BACKEND, origin=Origin(scheme, "backend", 1, tls=tls))
    remember(user, backend, "/x", [cookie], [cookie])
    assert [name for jar in user.jars.values() for name, _, _ in jar.cookies] == kept


def test_what_a_proxy_in_front_said_is_kept():
    sent = forwarded(
        ("x-forwarded-host", "outside"), ("x-forwarded-for", "203.0.113.1"), ("x-forwarded-path", "/pre/in")
    )
    assert (sent["x-forwarded-host"], sent["x-forwarded-for"], sent["x-forwarded-path"]) == (
        "outside",
        "203.0.113.1",
        "/pre/in",
    )


def test_of_lists_of_addresses_every_line_counts_and_of_other_forwarding_headers_the_first():
    lines = [("x-forwarded-for", "203.0.113.1"), ("x-forwarded-for", "198.51.100.2"), ("x-forwarded-host", "outside")]
    sent = FORWARDING.request_headers(
        request(*lines, ("x-forwarded-host", "other")),
        BACKEND,
        None,
        hide_csrf=True,
        correlation_id=b"cid",
        target="/base/x",
    )

    assert list(sent.all(b"x-forwarded-for")) == [b"203.0.113.1", b"198.51.100.2"]
    assert list(sent.all(b"x-forwarded-host")) == [b"outside"]


def test_forwarding_headers_that_say_nothing_are_as_good_as_none():
    names = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-path", "x-forwarded-proto")

    assert forwarded(*((name, "") for name in names)) == forwarded()


@pytest.mark.parametrize(
    "name",
    [
        "tenantid",
        "sap-connectivity-authentication",
        "sap-connectivity-scc-location_id",
        "sap-connectivity-technical-authentication",
        "proxy-authorization",
        "ssl_client_cert",
        "ssl-client-cert",
        "x-ias-token",
        "x-corporate-idp-token",
        "x-approuter-authorization",
        "x-custom-host",
        "sap_connectivity_authentication",
        "x_ias_token",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "transfer-encoding",
        "public",
    ],
)
def test_what_would_pass_for_the_platforms_word_is_taken_out(name: str):
    sent = forwarded((name, "forged"))
    assert "forged" not in sent.values()


def test_a_twin_with_underscores_cannot_stand_beside_the_real_header():
    assert "forged" not in forwarded(("x_forwarded_host", "forged"), ("authorization_", "x")).values()
    assert forwarded(("my_header", "mine"))["my_header"] == "mine"


def test_headers_that_connection_names_end_here():
    sent = forwarded(("x-before", "1"), ("connection", "close, X-Hop, x-before"), ("x-hop", "1"), ("x-stays", "1"))
    assert "x-hop" not in sent
    assert "x-before" not in sent
    assert sent["x-stays"] == "1"


def test_connection_cannot_name_away_what_the_router_says():
    sent = forwarded(("connection", "x-forwarded-for, authorization, tenantid"), user=session())
    assert sent["authorization"] == "Bearer tok"
    assert sent["tenantid"] == "acme"
    assert sent["x-forwarded-for"] == "192.0.2.7"


def test_the_session_cookie_goes_nowhere_but_the_browser():
    assert forwarded(("cookie", "a=1; JSESSIONID=s; __Host-entryway-sso=t"))["cookie"] == "a=1"
    assert "cookie" not in forwarded(("cookie", "JSESSIONID=s"))


@pytest.mark.parametrize(
    ("user", "forwards", "expected"),
    [
        (None, True, "Basic own"),
        (session(login=False), True, None),
        (session(), True, "Bearer tok"),
        (session(), False, None),
    ],
)
def test_authorization_is_the_clients_without_a_session_and_ours_with_one(user, forwards, expected):
    backend = Backend("b", BACKEND.origin, "", Timeouts(), forward_token=forwards)
    assert forwarded(("authorization", "Basic own"), backend=backend, user=user).get("authorization") == expected


def test_a_destinations_own_headers_replace_the_clients():
    backend = Backend(
        "b",
        BACKEND.origin,
        "",
        Timeouts(),
        forward_token=True,
        headers=((b"authorization", b"Basic dest"), (b"sap-client", b"100")),
        defaults=((b"x-mine", b"default"),),
        replaced=frozenset({b"authorization", b"sap-client"}),
    )
    sent = forwarded(("authorization", "x"), ("sap-client", "200"), ("x-mine", "own"), backend=backend, user=session())
    assert (sent["authorization"], sent["sap-client"], sent["x-mine"]) == ("Basic dest", "100", "own")
    assert forwarded(backend=backend)["x-mine"] == "default"


def test_the_csrf_token_is_for_the_router_on_protected_routes():
    assert "x-csrf-token" not in forwarded(("x-csrf-token", "fetch"))
    assert forwarded(("x-csrf-token", "fetch"), hide_csrf=False)["x-csrf-token"] == "fetch"


def test_forwarding_headers_can_be_switched_off():
    backend = Backend("b", BACKEND.origin, "", Timeouts(), forwarded_headers=False, preserve_host=True)
    sent = forwarded(("x-forwarded-host", "h"), backend=backend)
    assert not [name for name in sent if name.startswith("x-forwarded")]
    assert sent["host"] == "app.example"


def test_hop_by_hop_headers_of_the_backend_end_here():
    answer = Response(
        200,
        Headers(
            [
                (b"connection", b"close, x-hop"),
                (b"x-hop", b"1"),
                (b"keep-alive", b"5"),
                (b"x-a", b"1"),
                (b"set-cookie", b"a=b"),
            ]
        ),
    )
    raw, cookies = end_to_end(answer)
    assert raw == [(b"x-a", b"1")]
    assert cookies == [b"a=b"]


def test_added_headers_yield_to_the_backends():
    added = additions((("X-A", "env"), ("X-B", "env")), (("x-b", "app"),), frame_options=True)
    raw = [(b"x-a", b"backend")]
    added.add(raw, b"rid")
    assert dict(raw) == {b"x-a": b"backend", b"x-b": b"app", b"x-frame-options": b"SAMEORIGIN", b"x-request-id": b"rid"}
    raw = [(b"x-request-id", b"theirs")]
    added.add(raw, b"rid")
    assert raw.count((b"x-request-id", b"theirs")) == 1
    assert (b"x-request-id", b"rid") not in raw


def test_a_backend_cannot_set_the_routers_session_cookie():
    lines = [b"JSESSIONID=x; Max-Age=60", b"keep=1; Max-Age=60", b"short=1"]
    cookies = [parse_set_cookie(line) for line in lines]
    sorter = CookieSorter(frozenset({b"JSESSIONID"}))
    assert sorter.for_browser(cookies, lines, pass_session_cookies=False) == [b"keep=1; Max-Age=60"]
    assert sorter.for_browser(cookies, lines, pass_session_cookies=True) == [b"keep=1; Max-Age=60", b"short=1"]
    assert [cookie.name for cookie in sorter.for_session(cookies, pass_session_cookies=False)] == [b"short"]
