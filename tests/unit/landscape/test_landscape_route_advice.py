from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.js_regex import compile_js
from entryway.config.xs_app import XsApp
from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.landscape.lone_xs_app import parse_alone
from entryway.landscape.route_advice import advise
from entryway.landscape.route_samples import sample_paths


def xs_app(tmp_path: Path, document: dict[str, object]) -> XsApp:
    (tmp_path / "xs-app.json").write_text(json.dumps(document))
    found, mistakes = parse_alone(tmp_path / "xs-app.json")
    assert mistakes == []
    assert found is not None
    return found


def advice(tmp_path: Path, *routes: dict[str, object], **rest: object) -> list[tuple[str, str]]:
    document = {**rest, "routes": list(routes)}
    destinations = {
        "token": EnvironmentDestination("token", "http://localhost:1", forward_auth_token=True),
        "plain": EnvironmentDestination("plain", "http://localhost:2"),
    }
    return [(each.path, each.rule) for each in advise(xs_app(tmp_path, document), destinations, "xs-app.json")]


def route(source: str, **more: object) -> dict[str, object]:
    return {"source": source, "destination": "token", **more}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("/", "/service"),
        ("^/(.*)$", "^/api/(.*)$"),
        ("^/a/(.*)", "^/a/b"),
        ("^/a", "^/a/[0-9]+$"),
        ("^/(a|b)/(.*)$", "^/b/x$"),
        ("/a", "/a/b"),
    ],
)
def test_a_route_that_is_never_reached_is_named(tmp_path: Path, earlier: str, later: str):
    found = advice(tmp_path, route(earlier), route(later))

    assert (
        "/routes/1/source",
        f'the route "{later}" is never reached: "{earlier}" (/routes/0) comes first and matches the same paths',
    ) in found


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("/service", "/"),
        ("^/api/(.*)$", "^/(.*)$"),
        ("^/(x|y)$", "^/(x|z)$"),
        ("^/item/0$", "^/item/[0-9]+$"),
        ("^/x+$", "^/x*y?$"),
        ("^/a(?!b)(.*)$", "^/ab(.*)$"),
    ],
)
def test_routes_that_are_reached_are_not_named(tmp_path: Path, earlier: str, later: str):
    assert not [rule for _, rule in advice(tmp_path, route(earlier), route(later)) if "never reached" in rule]


def test_a_route_for_other_methods_hides_nothing(tmp_path: Path):
    reading = route("^/(.*)$", httpMethods=["GET", "HEAD"])

    assert advice(tmp_path, reading, route("^/api/(.*)$")) == []
    assert advice(tmp_path, reading, route("^/api/(.*)$", httpMethods=["POST"])) == []
    assert advice(tmp_path, reading, route("^/api/(.*)$", httpMethods=["GET"])) != []


@pytest.mark.parametrize("source", ["^/application", "^/a/b"])
def test_an_open_end_is_named(tmp_path: Path, source: str):
    [(path, rule)] = advice(tmp_path, route(source))

    assert path == "/routes/0/source"
    assert rule == f'the source "{source}" also matches "{source[1:]}s…"'


@pytest.mark.parametrize("source", ["^/application/", "^/application$", "^/index.html", "^/app(.*)$", "/app", "^/"])
def test_other_ends_are_meant(tmp_path: Path, source: str):
    assert advice(tmp_path, route(source)) == []


def test_a_public_destination_beside_one_with_the_token_is_named(tmp_path: Path):
    public = {"source": "^/ui/(.*)$", "destination": "plain", "authenticationType": "none"}

    [(path, rule)] = advice(tmp_path, route("^/app/(.*)$"), public)

    assert path == "/routes/1/authenticationType"
    assert '"token" is sent the user\'s token, while the destination "plain" is public' in rule
    assert advice(tmp_path, public) == []
    assert advice(tmp_path, route("^/app/(.*)$"), {**public, "authenticationType": "xsuaa"}) == []


def test_a_logout_page_behind_login_is_named(tmp_path: Path):
    logout = {"logoutEndpoint": "/do/logout", "logoutPage": "/bye.html?x=1"}
    everything = {"source": "^/(.*)$", "localDir": "web"}
    page = {"source": "^/bye.html$", "localDir": "open", "authenticationType": "none"}

    [(path, rule)] = advice(tmp_path, everything, logout=logout)

    assert path == "/logout/logoutPage"
    assert "needs login (/routes/0)" in rule
    assert advice(tmp_path, page, everything, logout=logout) == []
    assert advice(tmp_path, everything, logout={**logout, "logoutPage": "https://example.com/bye"}) == []
    assert advice(tmp_path, everything, logout=logout, authenticationMethod="none") == []


def test_an_xs_app_alone_is_read_as_if_its_folders_were_there(tmp_path: Path):
    found = xs_app(tmp_path, {"routes": [{"source": "^/(.*)$", "localDir": "web/pages"}]})

    assert len(found.routes) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["xs-app.json"]


def test_an_xs_app_alone_makes_no_folder_outside(tmp_path: Path):
    (tmp_path / "xs-app.json").write_text('{"routes": [{"source": "^/(.*)$", "localDir": "../outside-of-it"}]}')

    _, mistakes = parse_alone(tmp_path / "xs-app.json")

    assert mistakes
    assert not (tmp_path.parent / "outside-of-it").exists()


SOURCES = st.lists(
    st.sampled_from(["/", "a", "b", ".", "(.*)", "[0-9]+", "(x|y)", "\\.", "\\d{2,3}", "c?", "^", "$", "\\w*"]),
    min_size=1,
    max_size=6,
).map("".join)


@given(SOURCES)
def test_every_sample_matches_and_there_are_few(source: str):
    try:
        regex = compile_js(source)
    except ValueError:
        return

    paths = sample_paths(regex)

    assert len(paths) <= 64
    assert all(path.startswith("/") and regex.pattern.search(path) for path in paths)
