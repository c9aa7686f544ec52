"""What is spelt in another language is named, with what to write instead; what is meant as it stands is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entryway.landscape.check import check_folder
from entryway.landscape.lone_xs_app import parse_alone
from entryway.landscape.spelling_advice import advise_on_spelling


def advice(folder: Path, **document: Any) -> list[tuple[str, str]]:
    file = folder / "xs-app.json"
    file.write_text(json.dumps(document))
    xs_app, _ = parse_alone(file)
    assert xs_app is not None
    return [(each.path, each.suggestion) for each in advise_on_spelling(xs_app, file.name)]


def of_route(folder: Path, source: str, **keys: Any) -> list[tuple[str, str]]:
    return advice(folder, routes=[{"source": source, "destination": "b"} | keys])


SOURCE, ALIKE = "/routes/0/source", "; for upper and lower case alike, add matchCase"


@pytest.mark.parametrize(
    ("source", "instead"),
    [
        ("/^x$/i", f"write ^x${ALIKE}"),
        ("/^\\/api/", f"write ^\\/api{ALIKE}"),
        ("/api$/", f"write api${ALIKE}"),
        ("^api/(.*)$", "write ^/api/(.*)$"),
        ("/api/*", "write ^/api/(.*)$"),
        ("^/api/*/items", "write ^/api/(.*)$"),
    ],
)
def test_expressions_of_other_languages(tmp_path: Path, source: str, instead: str):
    assert of_route(tmp_path, source) == [(SOURCE, instead)]


@pytest.mark.parametrize(
    "source", ["^/api/(.*)$", "/api", "api", "^/x/*(.*)$", "^/x/*$", "^/[a-z]*/y", "(^/a|^/b)", "/a/$", "^.*/x"]
)
def test_expressions_that_mean_what_they_say(tmp_path: Path, source: str):
    assert of_route(tmp_path, source) == []


@pytest.mark.parametrize(
    ("source", "keys", "place"),
    [
        ("^/a/(.*)$", {"target": "/$2"}, "target"),
        ("^/a", {"target": "/x/$1"}, "target"),
        ("^/a", {"destination": "$1"}, "destination"),
    ],
)
def test_groups_that_the_source_does_not_have(tmp_path: Path, source: str, keys: dict[str, str], place: str):
    hint = "put what it stands for into parentheses, in the source"
    assert of_route(tmp_path, source, **keys) == [(f"/routes/0/{place}", hint)]


@pytest.mark.parametrize("keys", [{"target": "/$1"}, {"target": "/$$1"}, {"destination": "$1"}, {"target": "/$x"}])
def test_groups_that_are_there(tmp_path: Path, keys: dict[str, str]):
    assert of_route(tmp_path, "^/a/([a-z]+)", **keys) == []


def test_placeholders_are_written_in_capital_letters(tmp_path: Path):
    scope = {"GET": "$xsappname.Read", "default": ["$XSAPPNAME.All", "uaa.user"]}
    assert of_route(tmp_path, "^/a/", scope=scope) == [("/routes/0/scope", "write $XSAPPNAME in capital letters")]


def test_hosts_of_origins_have_no_protocol(tmp_path: Path):
    crowd = [{"uriPattern": "^/", "allowedOrigin": [{"host": "https://a.example/x"}, {"host": "*.b.example"}]}]
    hint = 'write {"protocol": "https", "host": "a.example"}'
    assert advice(tmp_path, cors=crowd) == [("/cors/0/allowedOrigin/0/host", hint)]


def test_what_a_file_shows_alone_is_said_by_the_check(tmp_path: Path):
    document = {
        "routes": [{"source": "^/a/", "destination": "*", "csrfProtection": "false", "httpMethods": "GET"}],
        "responseHeaders": [{"name": "Set-Cookie", "value": "x"}],
        "errorPage": [{"status": [200, 404], "path": "/e.html"}],
        "sessionTimeout": "15",
        "authenticationMethod": "rout",
    }
    later = {"routes": [{"source": "^/a/", "destination": "*"}], "errorPage": [{"status": [200, 404], "path": "e"}]}
    (tmp_path / "xs-app.json").write_text(json.dumps(document))
    (tmp_path / "xs-app-later.json").write_text(json.dumps(later))
    (tmp_path / "default-env.json").write_text('{"destinations": [{"name": "b", "url": "http://localhost:1"}]}')

    said = {(each.file, each.path): each.suggestion for each in check_folder(tmp_path)}

    assert said[("xs-app.json", "/routes/0/csrfProtection")] == "write false without quotes"
    assert said[("xs-app.json", "/routes/0/httpMethods")] == 'write ["GET"]'
    assert said[("xs-app.json", "/sessionTimeout")] == "write 15 without quotes"
    assert said[("xs-app.json", "/authenticationMethod")] == "did you mean route?"
    assert ("xs-app-later.json", "/errorPage/0/status") in said
    assert said[("xs-app-later.json", "/routes/0/destination")].startswith("set it for the router")


def test_headers_that_cannot_be_sent_are_said_by_the_check(tmp_path: Path):
    (tmp_path / "xs-app.json").write_text('{"responseHeaders": [{"name": "Set-Cookie", "value": "x"}]}')

    assert [(each.path, each.severity) for each in check_folder(tmp_path)] == [("/responseHeaders/0", "error")]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("(?i)/api", "matchCase"),
        ("^/(?P<name>x)", "(?<name>…)"),
        ("/api/**", "write .* for anything"),
        ("*", "write .* for anything"),
        ("^/\\p{L}", "percent-encoded"),
        ("^/(a+)+$", "repeat once"),
        ("^/(", ""),
    ],
)
def test_expressions_that_are_refused_are_told_with_what_to_write(tmp_path: Path, source: str, said: str):
    (tmp_path / "xs-app.json").write_text(json.dumps({"routes": [{"source": source, "destination": "b"}]}))

    (mistake,) = check_folder(tmp_path)

    assert (mistake.path, mistake.severity) == (SOURCE, "error")
    assert said in mistake.suggestion if said else mistake.suggestion == ""


def test_a_destination_is_told_by_its_variable_and_its_place(tmp_path: Path):
    destinations = [{"name": "b", "url": "localhost:4004"}, {"url": "http://localhost:4004"}]
    (tmp_path / "xs-app.json").write_text("{}")
    (tmp_path / "default-env.json").write_text(json.dumps({"destinations": destinations}))

    assert [(each.path, each.suggestion) for each in check_folder(tmp_path)] == [
        ("/url", 'in destination "b" of the variable destinations; write http://host:port/path'),
        ("", "in destination number 2 of the variable destinations"),
    ]
