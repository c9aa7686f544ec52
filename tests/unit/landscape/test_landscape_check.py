from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from entryway.config.descriptor import Module
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.landscape.application import assign_ports
from entryway.landscape.check import check_folder
from entryway.landscape.plan import parse_port_options, prepare, wanted_ports

MTA = """
ID: demo
version: 1.0.0
modules:
  - name: web
    type: approuter.nodejs
    path: web
    requires:
      - name: uaa
      - {name: api, group: destinations, properties: {name: srv, url: "~{url}", forwardAuthToken: true}}
  - name: srv
    type: python
    path: srv
    parameters: {command: ./run}
    provides: [{name: api, properties: {url: "${default-url}"}}]
resources:
  - name: uaa
    type: org.cloudfoundry.managed-service
    parameters: {service: xsuaa, service-plan: application, path: ./xs-security.json}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("web", "srv"):
        (tmp_path / name).mkdir()
    (tmp_path / "mta.yaml").write_text(MTA)
    write(tmp_path / "web" / "xs-app.json", {"routes": [{"source": "^/api/(.*)$", "destination": "srv"}]})
    write(
        tmp_path / "xs-security.json",
        {
            "xsappname": "demo",
            "scopes": [{"name": "$XSAPPNAME.Display"}],
            "role-templates": [{"name": "Viewer", "scope-references": ["$XSAPPNAME.Display"]}],
            "role-collections": [{"name": "Demo Viewer", "role-template-references": ["$XSAPPNAME.Viewer"]}],
        },
    )
    return tmp_path


def write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content) if not isinstance(content, str) else dedent(content))


def found(folder: Path) -> list[tuple[str, str, str]]:
    return [(mistake.file, mistake.path, mistake.rule) for mistake in check_folder(folder)]


def test_a_right_folder_has_no_mistakes(folder: Path):
    assert check_folder(folder) == []


def test_mistakes_of_every_file_are_named_at_once(folder: Path):
    write(folder / "mta.yaml", MTA.replace("~{url}", "~{ulr}"))
    write(
        folder / "web" / "xs-app.json", {"routes": [{"source": "^/api/(.*)$", "destination": "srv", "localDir": "x"}]}
    )
    write(folder / "xs-security.json", '{"xsappname": "demo", "xsappname": "twice"}')
    write(folder / "entryway.yaml", "users: [{name: anna, password: anna-demo, role-collections: [Demo Viewer]}]")

    assert {(file, path) for file, path, _ in found(folder)} >= {
        ("mta.yaml", "/modules/0/requires/1/properties/url"),
        ("web/xs-app.json", "/routes/0"),
        ("xs-security.json", ""),
        ("entryway.yaml", "/users/0/role-collections/0"),
    }


def test_errors_come_before_warnings_and_each_once(folder: Path):
    write(
        folder / "web" / "xs-app.json",
        {"routes": [{"source": "^/api", "destination": "srv"}, {"source": "^/x/(.*)$", "destination": "nowhere"}]},
    )

    mistakes = check_folder(folder)

    assert [mistake.severity for mistake in mistakes] == ["error", "warning"]
    assert len(set(mistakes)) == 2


def test_a_destination_that_nobody_defines_is_named(folder: Path):
    write(folder / "web" / "xs-app.json", {"routes": [{"source": "^/x/(.*)$", "destination": "sv"}]})

    [mistake] = check_folder(folder)

    assert mistake.rule == 'no destination "sv" is defined, and no destination service is bound'
    assert mistake.suggestion == "did you mean srv?"


def test_a_destination_service_may_know_other_destinations(folder: Path):
    destination = "{name: dest, type: org.cloudfoundry.managed-service, parameters: {service: destination}}"
    write(
        folder / "mta.yaml",
        MTA.replace("- name: uaa\n      - {", "- name: uaa\n      - name: dest\n      - {") + f"  - {destination}\n",
    )
    write(folder / "web" / "xs-app.json", {"routes": [{"source": "^/x/(.*)$", "destination": "elsewhere"}]})

    assert check_folder(folder) == []


def test_a_role_collection_that_nobody_defines_is_named(folder: Path):
    write(folder / "entryway.yaml", "users: [{name: a, password: aaaaaaaa, role-collections: [Demo Viewr]}]")

    [mistake] = check_folder(folder)

    assert mistake.path == "/users/0/role-collections/0"
    assert mistake.suggestion == "did you mean Demo Viewer?"


def test_a_shared_application_needs_a_tenant_host_pattern(folder: Path):
    shared = json.loads((folder / "xs-security.json").read_text()) | {"tenant-mode": "shared"}
    write(folder / "xs-security.json", shared)

    [mistake] = check_folder(folder)
    assert (mistake.severity, mistake.path) == ("warning", "/modules/0")
    assert "TENANT_HOST_PATTERN is missing" in mistake.rule

    write(folder / "web" / "default-env.json", {"TENANT_HOST_PATTERN": "^(.*)-app.example.com"})
    assert check_folder(folder) == []


def test_a_service_that_is_not_offered_stands_against_a_start_only(folder: Path):
    write(
        folder / "mta.yaml",
        MTA.replace("service: xsuaa", "service: hana").replace("path: ./xs-security.json", "config: {}"),
    )

    assert found(folder) == []
    with pytest.raises(ConfigurationMistakes) as raised:
        prepare(folder, [])
    assert [mistake.rule for mistake in raised.value.mistakes] == ['the service "hana" of "uaa" is not offered here']

    write(folder / "entryway.yaml", "services: {uaa: {service: user-provided, config: {uri: x}}}")
    assert prepare(folder, []).application.descriptor.instances[0].parameters == {"uri": "x"}


def test_a_manifest_is_started_with_services_that_entryway_yaml_defines(folder: Path):
    (folder / "mta.yaml").unlink()
    write(
        folder / "manifest.yml",
        """
        applications:
        - {name: web, path: web, services: [uaa], env: {destinations: '[{"name":"srv","url":"http://localhost:9009"}]'}}
        - {name: srv, path: srv, command: ./run}
        """,
    )
    assert check_folder(folder) == []
    with pytest.raises(ConfigurationMistakes, match='nothing says what the service instance "uaa" is'):
        prepare(folder, [])

    write(
        folder / "entryway.yaml",
        "{services: {uaa: {service: xsuaa, config: xs-security.json}}, ports: {modules: {srv: 9009}}}",
    )
    plan = prepare(folder, [])
    [uaa] = plan.application.descriptor.instances
    assert (uaa.service, uaa.plan, uaa.parameters["xsappname"]) == ("xsuaa", "application", "demo")
    assert plan.application.module_ports == {"web": 5000, "srv": 9009}


def test_an_empty_folder_and_no_folder_are_mistakes(tmp_path: Path):
    assert [mistake.rule for mistake in check_folder(tmp_path)] == ["no file describes an application here"]
    assert [mistake.rule for mistake in check_folder(tmp_path / "x")] == ["is no folder"]


def modules(*names: str) -> tuple[Module, ...]:
    return tuple(Module(name, "", ".", None if name.startswith("router") else "run") for name in names)


@pytest.mark.parametrize(
    ("names", "chosen", "taken", "expected"),
    [
        (("srv", "router", "job"), {}, (), {"router": 5000, "srv": 5001, "job": 5002}),
        (("router", "router2"), {}, (), {"router": 5000, "router2": 5001}),
        (("srv",), {}, (), {"srv": 5001}),
        (("srv", "router"), {"router": 8080}, (), {"router": 8080, "srv": 5001}),
        (("srv", "router"), {"srv": 5000}, (), {"srv": 5000, "router": 5001}),
        (("srv", "router"), {}, (5001,), {"router": 5000, "srv": 5002}),
    ],
)
def test_modules_get_the_same_ports_at_every_start(
    names: tuple[str, ...], chosen: dict[str, int], taken: tuple[int, ...], expected: dict[str, int]
):
    assert assign_ports(modules(*names), chosen, frozenset(taken)) == expected


def test_options_and_the_file_say_which_ports(folder: Path):
    write(folder / "entryway.yaml", "ports: {services: 9443, modules: {srv: 7001}}")

    plan = prepare(folder, ["web=7000", "services=9444"])

    assert plan.ports.services == 9444
    assert plan.application.module_ports == {"web": 7000, "srv": 7001}
    assert {wanted.port for wanted in wanted_ports(plan)} == {9444, 9447, 7000, 7001}
    assert prepare(folder, ["certificates=9500"]).ports.certificates == 9500
    assert prepare(folder, ["services=65534"]).ports.certificates == 65531
    # The URL of a module that others are told follows.
    assert "http://localhost:7001" in plan.application.descriptor.modules[0].environment["destinations"]


@pytest.mark.parametrize("option", ["web", "web=", "=1", "web=x", "web=0", "web=70000", "web=-1", "web=\uff15000"])
def test_a_port_option_that_is_none_is_a_mistake(option: str):
    assert parse_port_options([option]) == (
        {},
        [
            Mistake(
                "the command line",
                "",
                f"--port {option} is not understood",
                "write --port NAME=NUMBER, for example --port services=9443",
            )
        ],
    )


@pytest.mark.parametrize(
    ("landscape", "options", "rule"),
    [
        ("{}", ["wbe=1"], '--port names "wbe", which is no part of this application'),
        ("ports: {modules: {wbe: 1}}", [], 'mta.yaml has no module "wbe"'),
        ("ports: {services: 5000}", [], "the module web and the control plane have the same port 5000"),
        (
            "on-premise: {systems: [{name: srv, virtual: 'a:1', internal: 'http://[::1]:9', resources: [{path: /}]}]}",
            [],
            'the name "srv" is that of mta.yaml at /modules/1',
        ),
    ],
)
def test_parts_that_cannot_be_told_apart_are_mistakes(folder: Path, landscape: str, options: list[str], rule: str):
    write(folder / "entryway.yaml", landscape)

    with pytest.raises(ConfigurationMistakes) as raised:
        prepare(folder, options)

    assert rule in [mistake.rule for mistake in raised.value.mistakes]


def test_the_control_planes_port_may_be_the_one_that_asks_for_certificates(folder: Path):
    write(folder / "entryway.yaml", "ports: {services: 9443, certificates: 9443}")

    assert [wanted.port for wanted in wanted_ports(prepare(folder, []))].count(9443) == 1


def test_a_module_may_not_bear_the_name_of_a_part_of_the_landscape(folder: Path):
    write(folder / "mta.yaml", MTA.replace("name: srv\n    type", "name: connector\n    type"))

    with pytest.raises(ConfigurationMistakes, match="a part of every landscape"):
        prepare(folder, [])


def test_a_mistake_in_a_services_name_does_not_hide_those_in_its_file(folder: Path):
    wrong = MTA.replace("service: xsuaa", "service: xsua")
    assert wrong != MTA
    write(folder / "mta.yaml", wrong)
    write(folder / "xs-security.json", {"xsappname": "demo", "scopes": [{"name": "no-prefix"}]})

    assert any(file == "xs-security.json" and path.startswith("/scopes/0") for file, path, _ in found(folder))


@pytest.mark.parametrize("name", ["xs-security.json", "xs-app.json"])
def test_a_folder_where_a_file_should_be_is_a_mistake(tmp_path: Path, name: str):
    (tmp_path / name).mkdir()
    assert found(tmp_path) == [(name, "", "cannot be read: Is a directory")]


def test_a_destination_that_default_env_does_not_define_is_warned_of(tmp_path: Path):
    route = {"source": "^/a/(.*)$", "destination": "backendd", "authenticationType": "none"}
    write(tmp_path / "xs-app.json", {"routes": [route]})
    write(tmp_path / "default-env.json", {"destinations": [{"name": "backend", "url": "http://localhost:7000"}]})
    [mistake] = check_folder(tmp_path)
    assert (mistake.path, mistake.severity, mistake.suggestion) == (
        "/routes/0/destination",
        "warning",
        "did you mean backend?",
    )

    write(tmp_path / "default-services.json", {"destination": {"uri": "https://destination.example"}})
    assert check_folder(tmp_path) == []


def test_a_service_that_is_nearly_one_of_ours_is_suggested(folder: Path):
    write(folder / "mta.yaml", MTA.replace("service: xsuaa", "service: xsua"))
    write(folder / "entryway.yaml", "users: []")
    assert "did you mean xsuaa?" in [mistake.suggestion for mistake in check_folder(folder)]
