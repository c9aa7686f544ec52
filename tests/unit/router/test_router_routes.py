"""Which route takes a request, what its target becomes, and who may use it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.js_regex import compile_js
from entryway.config.xs_app import Route, ToDestination, XsApp, read_xs_app
from entryway.router import access
from entryway.router.errors import InsufficientScope, LoginRequired, RouteNotFound
from entryway.router.routes import MOST_KEPT, Match, MethodMismatch, Routes, serve_routes
from entryway.router.sessions import Login, Session


@pytest.fixture
def app(tmp_path: Path) -> Any:
    def read(*routes: dict[str, Any], **root: Any) -> XsApp:
        named = [{"destination": "b"} | route for route in routes]
        (tmp_path / "xs-app.json").write_text(json.dumps({"routes": named} | root))
        return read_xs_app(tmp_path / "xs-app.json")

    return read


def served(xs_app: XsApp) -> Routes:
    public = xs_app.authentication == "none"
    return serve_routes(xs_app.routes, login="xsuaa", everything_public=public, xsappname="shop!t1")


def login(*scopes: str) -> Login:
    return Login("token", None, 1e12, None, b"Bearer token", frozenset(scopes), {}, "alex")


def session(user: Login | None) -> Session:
    return Session("n", b"c", b"t", 0.0, user)


def target(routes: Routes, url: str, method: str = "GET") -> str:
    match = routes.match(method, url)
    assert isinstance(match, Match)
    return match.target()


def test_the_first_route_that_matches_wins(app):
    routes = served(app({"source": "^/a/(.*)$", "target": "/one/$1"}, {"source": "^/a/(.*)$", "target": "/two/$1"}))
    assert target(routes, "/a/x") == "/one/x"


@pytest.mark.parametrize(
    ("source", "rewritten", "url", "expected"),
    [
        ("^/a/(.*)$", None, "/a/x?y", "/a/x?y"),
        ("^/a/(.*)$", "$1", "/a/x", "/x"),
        ("contains", "/hit", "/x/containsy/z", "/x//hity/z"),
        ("^/application", "/", "/application/x//y?z=//w", "/x//y?z=//w"),
        ("^/application", "/", "/application", "/"),
        ("^/app(.*)$", "/$1", "/app//x", "/x"),
        ("^/+open", None, "///open/x", "/open/x"),
        ("contains", "/hit", "/x?q=contains", "/x?q=/hit"),
        ("^/a", None, "/a?", "/a"),
        ("^/a", None, "/a??", "/a??"),
        ("^/a", None, "/a?x=1&sap_idp=o&sap_idp=p&y=sap_idp", "/a?x=1&y=sap_idp"),
        ("^/a/(.*)$", "/ü b\\c\t/$1#part", "/a/x", "/%C3%BC%20b/c/x"),
    ],
)
def test_the_target_replaces_what_the_source_matched(app, source, rewritten, url, expected):
    route = {"source": source} | ({} if rewritten is None else {"target": rewritten})
    assert target(served(app(route)), url) == expected


def test_a_method_that_a_route_lacks_goes_on_to_the_next(app):
    routes = served(app({"source": "^/a", "httpMethods": ["GET"]}, {"source": "^/a", "target": "/other"}))
    assert target(routes, "/a", "POST") == "/other"


def test_no_route_for_the_method_names_those_that_there_are(app):
    routes = served(app({"source": "^/a", "httpMethods": ["GET"]}, {"source": "/a", "httpMethods": ["PUT", "POST"]}))
    match = routes.match("DELETE", "/a")
    assert isinstance(match, MethodMismatch)
    assert match.allowed == "GET, POST, PUT"


def test_no_route_at_all(app):
    with pytest.raises(RouteNotFound):
        served(app({"source": "^/a"})).match("GET", "/b")


SOURCES = [
    "^/a/",
    "^/a/b/(.*)$",
    "^/b/",
    "/a/",
    "^/(.*)$",
    "^/ab",
    "x",
    "^/c/(?!d)",
    "^(/a/|/b/)",
    "^/a",
    "/b/",
    "/c/d/",
    "^/abc",
    "^/ab/c",
    "^ab",
]


@given(st.lists(st.sampled_from(SOURCES), max_size=8), st.text("abcdx/?", max_size=12))
def test_the_index_changes_nothing(sources: list[str], rest: str):
    routes = [Route(f"/routes/{index}", compile_js(source), ToDestination("b")) for index, source in enumerate(sources)]
    url = "/" + rest
    first = next((route.place for route in routes if route.source.pattern.search(url)), None)
    indexed = serve_routes(routes, login="xsuaa", everything_public=False, xsappname="x")
    try:
        match = indexed.match("GET", url)
    except RouteNotFound:
        assert first is None
    else:
        assert isinstance(match, Match)
        assert match.served.route.place == first


def check(routes: Routes, method: str, user: Login | None) -> None:
    match = routes.match(method, "/a")
    assert isinstance(match, Match)
    access.authorize(match.served, method, access.authenticate(match.served, session(user)))


def test_a_route_needs_a_login_unless_it_is_public(app):
    private, public = served(app({"source": "^/a"})), served(app({"source": "^/a", "authenticationType": "none"}))
    with pytest.raises(LoginRequired):
        check(private, "GET", None)
    check(public, "GET", None)
    check(served(app({"source": "^/a"}, authenticationMethod="none")), "GET", None)


@pytest.mark.parametrize(
    ("scope", "method", "scopes", "allowed"),
    [
        ("$XSAPPNAME.v", "GET", ["shop!t1.v"], True),
        ("$XSAPPNAME.v", "GET", ["shop!t2.v"], False),
        ("$xsappname.v", "GET", ["shop!t1.v"], False),
        (["a", "b"], "GET", ["b"], True),
        (["a", "b"], "GET", [], False),
        ({"GET": "a", "default": "b"}, "GET", ["a"], True),
        ({"GET": "a", "default": "b"}, "GET", ["b"], False),
        ({"GET": "a", "default": "b"}, "PUT", ["b"], True),
        ({"GET": "a"}, "PUT", ["a"], False),
        (None, "PUT", [], True),
    ],
)
def test_any_one_of_the_scopes_suffices(app, scope, method, scopes, allowed):
    routes = served(app({"source": "^/a"} | ({} if scope is None else {"scope": scope})))
    if allowed:
        check(routes, method, login(*scopes))
    else:
        with pytest.raises(InsufficientScope):
            check(routes, method, login(*scopes))


def test_what_is_remembered_of_folders_is_bounded_and_holds_no_query(app):
    routes = served(app({"source": "^/a/(.*)$"}, {"source": "^/b(.*)$"}, {"source": "^/(.*)$"}))
    for number in range(3 * MOST_KEPT):
        assert len(routes.candidates(f"/a/{number}/x")) == 2
        routes.candidates(f"/a/x?in={number}/")
    assert 0 < len(routes._of_folders) <= MOST_KEPT
    assert not [folder for folder in routes._of_folders if "?" in folder]
    assert [served.label[-8:] for served in routes.candidates("/b/x")] == ["^/b(.*)$", " ^/(.*)$"]
