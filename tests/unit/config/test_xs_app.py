"""xs-app.json: every mistake is named with its place, all at once, with a suggestion where one is near."""

import json
from pathlib import Path
from typing import Any

import pytest

from entryway.config.mistakes import ConfigurationMistakes
from entryway.config.xs_app import ToDestination, ToFolder, XsApp, parse_xs_app, read_xs_app


def write(folder: Path, content: Any) -> Path:
    file = folder / "xs-app.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    (folder / "web").mkdir(exist_ok=True)
    return file


def read(folder: Path, content: Any) -> XsApp:
    return read_xs_app(write(folder, content))


def mistakes(folder: Path, content: Any) -> list[str]:
    with pytest.raises(ConfigurationMistakes) as found:
        read(folder, content)
    return [f"{mistake.path}: {mistake.rule}" for mistake in found.value.mistakes]


def one(**route: Any) -> dict[str, Any]:
    return {"routes": [{"source": "^/a", "destination": "b"} | route]}


def test_a_complete_file_is_understood(tmp_path: Path):
    app = read(
        tmp_path,
        {
            "welcomeFile": "/index.html",
            "authenticationMethod": "route",
            "sessionTimeout": 30,
            "login": {"callbackEndpoint": "/cb"},
            "logout": {
                "logoutEndpoint": "/out",
                "logoutPage": "/bye.html",
                "logoutMethod": "POST",
                "csrfProtection": False,
            },
            "destinations": {"b": {"logoutPath": "/end", "logoutMethod": "GET"}},
            "responseHeaders": [{"name": "X-A", "value": "1"}],
            "websockets": {"enabled": True},
            "routes": [
                {
                    "source": {"path": "^/A/(.*)$", "matchCase": False},
                    "target": "/x/$1",
                    "destination": "b",
                    "scope": ["s", "t"],
                },
                {"source": "^/web/(.*)$", "target": "$1", "localDir": "web", "cacheControl": "no-cache"},
                {
                    "source": "^/d/([^/]+)/",
                    "destination": "$1",
                    "scope": {"GET": "s", "default": ["t"]},
                    "httpMethods": ["GET"],
                },
            ],
        },
    )
    first, second, third = app.routes
    assert first.source.ignore_case
    assert first.scopes is not None
    assert first.scopes.default == ("s", "t")
    assert isinstance(second.goal, ToFolder)
    assert second.goal.path == (tmp_path / "web").resolve()
    assert isinstance(third.goal, ToDestination)
    assert third.goal.template is not None
    assert third.methods == {"GET"}
    assert third.scopes is not None
    assert third.scopes.by_method == {"GET": ("s",)}
    assert (app.callback_endpoint, app.logout.endpoint, app.logout.csrf) == ("/cb", "/out", False)
    assert app.backend_logouts["b"].path == "/end"
    assert app.websockets
    assert app.session_timeout_minutes == 30


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([], ": Invalid type: array (expected object)"),
        ({"foo": 1}, "/foo: Additional properties not allowed"),
        ({"welcomeFile": 1}, "/welcomeFile: Invalid type: number (expected string)"),
        ({"authenticationMethod": "bad"}, '/authenticationMethod: No enum match for: "bad"'),
        ({"sessionTimeout": "x"}, "/sessionTimeout: Invalid type: string (expected integer)"),
        ({"sessionTimeout": -1}, "/sessionTimeout: Value -1 is less than minimum 1"),
        ({"routes": {}}, "/routes: Invalid type: object (expected array)"),
        ({"routes": [1]}, "/routes/0: Invalid type: number (expected object)"),
        ({"routes": [{"destination": "b"}]}, "/routes/0: Missing required property: source"),
        (one(foo=1), "/routes/0/foo: Additional properties not allowed"),
        (one(scope=1), "/routes/0/scope: Invalid type: number (expected string/array/object)"),
        (one(scope=[]), "/routes/0/scope: Array is too short (0), minimum 1"),
        (one(scope={"FOO": "x"}), "/routes/0/scope/FOO: Additional properties not allowed"),
        (one(scope={"GET": []}), "/routes/0/scope/GET: Array is too short (0), minimum 1"),
        (
            one(source={"path": "^/a", "matchCase": "x"}),
            "/routes/0/source/matchCase: Invalid type: string (expected boolean)",
        ),
        (one(source={"matchCase": True}), "/routes/0/source: Missing required property: path"),
        (one(httpMethods=["get"]), '/routes/0/httpMethods/0: No enum match for: "get"'),
        (one(csrfProtection="x"), "/routes/0/csrfProtection: Invalid type: string (expected boolean)"),
        (one(localDir="web"), "/routes/0: Format validation failed (Route has both localDir and destination)"),
        (
            {"routes": [{"source": "^/a", "localDir": "no"}]},
            "/routes/0: Format validation failed (no is not a directory)",
        ),
        (
            {"routes": [{"source": "^/a", "localDir": "web", "httpMethods": ["GET"]}]},
            "/routes/0: Format validation failed (Route has both localDir and httpMethods)",
        ),
        (
            {"routes": [{"source": "^/a"}]},
            "/routes/0: Format validation failed (Route does not have a destination nor a localDir nor a service)",
        ),
        ({"login": {}}, "/login: Missing required property: callbackEndpoint"),
        (
            {"logout": {"logoutPage": "/x"}},
            "/logout: Format validation failed (Logout page is set although logout endpoint is not configured)",
        ),
        (
            {"destinations": {"zz": {"logoutPath": "/x"}}},
            '/destinations/zz: Format validation failed (Destination(s) "zz" not used by any route)',
        ),
        ({"websockets": {}}, "/websockets: Missing required property: enabled"),
        (
            {"errorPage": [{"status": 404}]},
            "/errorPage/0: Format validation failed (an error page has either a file or a path)",
        ),
        (
            {"errorPage": [{"status": 404, "file": "no.html"}]},
            "/errorPage/0/file: Format validation failed (no.html is not a file)",
        ),
        ({"responseHeaders": [{"name": "x"}]}, "/responseHeaders/0: Missing required property: value"),
    ],
)
def test_each_mistake_is_named_with_its_place(tmp_path: Path, content: Any, expected: str):
    assert expected in mistakes(tmp_path, content)


@pytest.mark.parametrize("source", ["^/(a", "^(a+)+$"])
def test_a_source_that_cannot_be_used_names_its_route(tmp_path: Path, source: str):
    (found,) = mistakes(tmp_path, one(source=source))
    assert found.startswith("/routes/0/source: Format validation failed (Invalid regular expression: ")


def test_all_mistakes_come_at_once(tmp_path: Path):
    found = mistakes(
        tmp_path,
        {
            "welcomFile": "/x",
            "routes": [{"source": "^/(", "destination": "b"}, {"source": "^/a"}, {"sorce": "^/b", "destination": "b"}],
        },
    )
    assert len(found) == 5


def test_a_near_key_is_suggested(tmp_path: Path):
    with pytest.raises(ConfigurationMistakes) as wrong:
        read(
            tmp_path,
            {"welcomFile": "/x", "routes": [{"source": "^/a", "Destination": "b"}], "logout": {"logoutEndpont": "/x"}},
        )
    suggestions = {mistake.path: mistake.suggestion for mistake in wrong.value.mistakes}
    assert suggestions["/welcomFile"] == "did you mean welcomeFile?"
    assert suggestions["/logout/logoutEndpont"] == "did you mean logoutEndpoint?"
    assert suggestions["/routes/0/Destination"] == "did you mean destination?"


@pytest.mark.parametrize("content", ["{nope", "", "[" * 100_000])
def test_text_that_is_not_json_is_refused(tmp_path: Path, content: str):
    (found,) = mistakes(tmp_path, content)
    assert "Invalid content in" in found


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationMistakes, match="cannot be read"):
        read_xs_app(tmp_path / "xs-app.json")


def test_a_scope_on_a_public_route_is_warned_about(tmp_path: Path):
    app, found = parse_xs_app(write(tmp_path, one(scope="s", authenticationType="none")))
    assert app is not None
    assert [(mistake.path, mistake.severity) for mistake in found] == [("/routes/0/scope", "warning")]


def test_resources_are_served_last_if_no_route_has_a_folder(tmp_path: Path):
    assert read(tmp_path, one()).routes[-1].place == "/routes/0"
    (tmp_path / "resources").mkdir()
    app = read(tmp_path, one())
    assert isinstance(app.routes[-1].goal, ToFolder)
    folder = {"source": "^/w", "localDir": "web"}
    assert len(read(tmp_path, {"routes": [folder]}).routes) == 1
