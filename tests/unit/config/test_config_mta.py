from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import pytest

from entryway.config.descriptor import Descriptor
from entryway.config.mistakes import Mistake
from entryway.config.mta import read_mta

MTA = """
_schema-version: "3.3"
ID: demo
version: 1.0.0
modules:
  - name: web
    type: approuter.nodejs
    path: web
    requires:
      - name: uaa
      - name: api
        group: destinations
        properties: {name: backend, url: "~{url}/v1", forwardAuthToken: true}
      - name: other
        group: destinations
        properties: {name: other, url: "~{url}"}
  - name: srv
    type: python
    path: srv
    parameters:
      command: python -m srv --name ${app-name}
      health-check-type: http
      health-check-http-endpoint: /health
    properties:
      LEVEL: 3
      DEBUG: false
      LIST: [1, 2]
      UNSET: null
      MINE: ${default-url}/x
    requires:
      - name: uaa
        parameters: {config: {credential-type: binding-secret}}
    provides:
      - name: api
        properties: {url: "${default-url}"}
  - name: other
    type: nodejs
    path: node
    provides:
      - name: other
        properties: {url: "${default-url}"}
resources:
  - name: uaa
    type: org.cloudfoundry.managed-service
    parameters:
      service: xsuaa
      service-plan: application
      service-name: demo-uaa
      path: ./xs-security.json
      config: {tenant-mode: dedicated}
"""
PORTS = {"web": 5000, "srv": 5001, "other": 5002}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("web", "srv", "node"):
        (tmp_path / name).mkdir()
    (tmp_path / "node" / "package.json").write_text("{}")
    (tmp_path / "xs-security.json").write_text('{"xsappname": "demo", "tenant-mode": "shared"}')
    return tmp_path


def read(folder: Path, text: str = MTA) -> tuple[Descriptor | None, list[Mistake]]:
    (folder / "mta.yaml").write_text(dedent(text))
    return read_mta(folder / "mta.yaml", lambda name: f"http://localhost:{PORTS.get(name, 9999)}")


def rules(folder: Path, text: str) -> list[str]:
    return [f"{mistake.path} {mistake.rule}" for mistake in read(folder, text)[1]]


def test_a_descriptor_becomes_modules_and_service_instances(folder: Path):
    descriptor, mistakes = read(folder)

    assert mistakes == []
    assert descriptor is not None
    web, srv, other = descriptor.modules
    assert (web.is_router, srv.is_router) == (True, False)
    assert srv.command == "python -m srv --name srv"
    assert other.command == "npm start"
    assert [bound.instance for bound in web.bindings] == ["demo-uaa"]
    assert srv.bindings[0].parameters == {"credential-type": "binding-secret"}
    assert (srv.health.kind, srv.health.endpoint) == ("http", "/health")
    [uaa] = descriptor.instances
    assert (uaa.name, uaa.service, uaa.plan) == ("demo-uaa", "xsuaa", "application")


def test_the_group_of_requirements_becomes_a_list_of_destinations(folder: Path):
    descriptor, _ = read(folder)

    assert descriptor is not None
    assert json.loads(descriptor.modules[0].environment["destinations"]) == [
        {"name": "backend", "url": "http://localhost:5001/v1", "forwardAuthToken": True},
        {"name": "other", "url": "http://localhost:5002"},
    ]


def test_properties_become_text_as_a_platform_writes_them(folder: Path):
    descriptor, _ = read(folder)

    assert descriptor is not None
    environment = descriptor.modules[1].environment
    assert environment["LEVEL"] == "3"
    assert environment["DEBUG"] == "false"
    assert environment["LIST"] == "[1, 2]"
    assert environment["MINE"] == "http://localhost:5001/x"
    assert "UNSET" not in environment


def test_config_wins_over_the_file_of_a_service(folder: Path):
    descriptor, _ = read(folder)

    assert descriptor is not None
    assert descriptor.instances[0].parameters == {"xsappname": "demo", "tenant-mode": "dedicated"}


def test_the_parameters_of_a_service_do_not_show_in_a_log(folder: Path):
    descriptor, _ = read(folder)

    assert "xsappname" not in repr(descriptor)


def test_every_mistake_is_named_at_once_with_its_place(folder: Path):
    found = rules(
        folder,
        """
        ID: demo
        version: 1.0.0
        modules:
          - name: web
            type: approuter.nodejs
            path: nowhere
            requires:
              - name: apii
              - name: api
                properties: {url: "~{ulr}", x: "${defaul-url}"}
          - name: web
            type: python
            path: srv
            provides: [{name: api, properties: {url: x}}]
        resources:
          - name: uaa
            type: org.cloudfoundry.managed-service
            parameters: {path: missing.json}
        """,
    )

    assert found == [
        '/modules/1/name the name "web" is taken by /modules/0',
        '/modules/0/requires/0/name nothing in this file provides "apii"',
        '/modules/0/requires/1/properties/url "api" provides no property "ulr"',
        "/modules/0/requires/1/properties/x ${defaul-url} is no parameter known here",
        '/modules/0/path the folder "nowhere" does not exist',
        '/modules/1 nothing says how to start "web"',
        " cannot be read: No such file or directory",
        "/resources/0/parameters Missing required property: service",
    ]


def test_a_suggestion_names_what_was_meant(folder: Path):
    _, mistakes = read(folder, MTA.replace("~{url}/v1", "~{ulr}/v1").replace("type: python", "typ: python"))

    assert [(mistake.path, mistake.suggestion) for mistake in mistakes if mistake.suggestion] == [
        ("/modules/1/typ", "did you mean type?")
    ]
    _, mistakes = read(folder, MTA.replace("~{url}/v1", "~{ulr}/v1"))
    assert mistakes[0].suggestion == "did you mean url?"


def test_a_variable_of_the_shell_in_braces_is_explained(folder: Path):
    _, mistakes = read(folder, MTA.replace("--name ${app-name}", "--port ${PORT}"))

    assert [mistake.suggestion for mistake in mistakes] == ["for a shell's variable write $PORT"]


def test_an_escaped_placeholder_stays_as_it_stands(folder: Path):
    descriptor, mistakes = read(folder, MTA.replace("--name ${app-name}", "--port \\${PORT}"))

    assert mistakes == []
    assert descriptor is not None
    assert descriptor.modules[1].command == "python -m srv --port ${PORT}"


def test_placeholders_in_a_circle_are_a_mistake_and_no_endless_loop(folder: Path):
    found = rules(
        folder,
        """
        ID: demo
        version: "1"
        modules:
          - name: web
            type: approuter.nodejs
            path: web
            parameters: {a: "${b}", b: "${a}"}
            properties: {X: "${a}"}
        """,
    )

    assert "/modules/0/properties/X placeholders refer to one another without end" in found


@pytest.mark.parametrize("kind", ["html5", "com.sap.application.content"])
def test_content_modules_are_left_out_with_a_warning(folder: Path, kind: str):
    descriptor, mistakes = read(folder, MTA.replace("type: nodejs", f"type: {kind}"))

    assert descriptor is not None
    assert [module.name for module in descriptor.modules] == ["web", "srv"]
    assert [mistake.severity for mistake in mistakes] == ["warning"]


def test_a_nodejs_module_with_an_xs_app_json_is_a_router(folder: Path):
    (folder / "node" / "xs-app.json").write_text('{"routes": []}')

    descriptor, _ = read(folder)

    assert descriptor is not None
    assert descriptor.modules[2].is_router


def test_a_procfile_says_how_to_start(folder: Path):
    (folder / "srv" / "Procfile").write_text("worker: x\nweb: gunicorn app:app\n")

    descriptor, mistakes = read(folder, MTA.replace("command: python -m srv --name ${app-name}", "memory: 128M"))

    assert mistakes == []
    assert descriptor is not None
    assert descriptor.modules[1].command == "gunicorn app:app"


def test_inactive_resources_are_left_out(folder: Path):
    descriptor, _ = read(
        folder, MTA.replace("  - name: uaa\n    type: org", "  - name: uaa\n    active: false\n    type: org")
    )

    assert descriptor is not None
    assert descriptor.instances == ()
    assert descriptor.modules[0].bindings == ()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("modules: [", "is not YAML: "),
        ("- a", "Invalid type: array (expected object)"),
        ("ID: a\nID: b\nversion: '1'\nmodules: []", 'the key "ID" is written twice in one object (line 2)'),
        ("version: '1'", "Missing required property: ID"),
        ("ID: a\nversion: '1'\nmodules: []", "there is no module to start"),
        ("ID: a\nversion: '1'\nmodules:\n - {name: a, type: 5}", "Invalid type: number (expected string)"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(folder: Path, text: str, rule: str):
    assert any(rule in found for found in rules(folder, text))


def test_a_missing_file_is_a_mistake(tmp_path: Path):
    descriptor, mistakes = read_mta(tmp_path / "mta.yaml", str)

    assert descriptor is None
    assert mistakes == [Mistake("mta.yaml", "", "cannot be read: No such file or directory")]


def test_a_document_made_of_aliases_is_refused(folder: Path):
    bomb = "a: &a [x]\nb: [" + ", ".join(["*a"] * 201) + "]\n"

    assert rules(folder, bomb) == [" is not YAML: more than 200 aliases"]


@pytest.mark.parametrize("inside", [", ".join(["*{before}"] * 9), "*{before}, *{me}"])
def test_aliases_of_aliases_are_refused(folder: Path, inside: str):
    names = "abcdefghi"
    lines = [f"  {me}: &{me} [{inside.format(before=before, me=me)}]" for before, me in pairwise(names)]
    found = rules(folder, "\n".join(["ID: x", "parameters:", "  a: &a [1, 1]", *lines]))
    assert found == [" is not YAML: more than 1000000 values, with what aliases stand for"]


def test_the_character_nul_is_refused(folder: Path):
    assert rules(folder, 'ID: "a\\0b"\nversion: "1"\n') == [" is not YAML: a text in line 1 holds the character NUL"]
