from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent

import pytest

from entryway.config.landscape_file import defined_services, read_landscape_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "onpremise").mkdir()
    return tmp_path


def read(folder: Path, text: str):
    (folder / "entryway.yaml").write_text(dedent(text))
    return read_landscape_file(folder)


def test_no_file_says_nothing(tmp_path: Path):
    document, mistakes = read_landscape_file(tmp_path)

    assert mistakes == []
    assert (document.users, document.on_premise, document.ports.services) == ([], None, None)


def test_the_example_of_the_documentation_is_right(folder: Path):
    page = Path(__file__).parents[3] / "docs" / "entryway-yaml.md"
    example = re.search(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    assert example is not None
    (folder / "xs-security.json").write_text('{"xsappname": "x"}')

    document, mistakes = read(folder, example[1])
    services, more = defined_services(document, folder)

    assert mistakes + more == []
    assert document.users[0].address == "emma@company.example"
    assert document.users[1].address == "victor@example.com"
    assert document.on_premise.systems[0].internal_port == 9443
    assert {service.name: service.service for service in services} == {
        "demo-xsuaa": "xsuaa",
        "demo-destination": "destination",
        "my-database": "user-provided",
    }


def test_an_empty_key_means_nothing(folder: Path):
    document, mistakes = read(folder, "users:\nports:\nservices:\non-premise:\n")

    assert mistakes == []
    assert document.users == []


def test_the_passwords_do_not_show_in_a_log(folder: Path):
    document, _ = read(folder, "users: [{name: emma, password: emma-edits}]")

    assert "emma-edits" not in repr(document)


@pytest.mark.parametrize(
    ("text", "path", "rule"),
    [
        ("user: []", "/user", "Additional properties not allowed"),
        ("users: [{name: emma, password: short}]", "/users/0/password", "String is too short (5 chars), minimum 8"),
        ("users: [{name: emma}]", "/users/0", "Missing required property: password"),
        ("ports: {services: 70000}", "/ports/services", "Value 70000 is greater than maximum 65535"),
        ("ports: {services: '8443'}", "/ports/services", "Invalid type: string (expected integer)"),
        (
            "services: {db: {service: user-provided, plan: x}}",
            "/services/db/plan",
            "a user-provided service has no plan",
        ),
        (
            "users: [{name: a, password: 12345678}]",
            "/users/0/password",
            "Invalid type: number (expected string)",
        ),
        (
            "users: [{name: a, password: aaaaaaaa}, {name: a, password: bbbbbbbb}]",
            "/users/1/name",
            '"a" is used already at /users/0/name',
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(folder: Path, text: str, path: str, rule: str):
    _, mistakes = read(folder, text)

    assert (path, rule) in [(mistake.path, mistake.rule) for mistake in mistakes]


SYSTEM = {
    "name": "erp",
    "virtual": "erp.company:443",
    "internal": "https://127.0.0.1:9443",
    "resources": [{"path": "/"}],
}


@pytest.mark.parametrize(
    ("change", "path", "rule"),
    [
        ({"virtual": "erp.company"}, "/virtual", "a host and a port, for example erp.company:443"),
        ({"virtual": "http://erp:80"}, "/virtual", "a host and a port, for example erp.company:443"),
        ({"internal": "https://127.0.0.1"}, "/internal", "a URL of scheme, host and port"),
        ({"internal": "https://127.0.0.1:1/path"}, "/internal", "a URL of scheme, host and port"),
        ({"internal": "ftp://127.0.0.1:21"}, "/internal", "a URL of scheme, host and port"),
        ({"internal": "http://127.0.0.1:80", "principal": "x509"}, "/principal", "a plain http system cannot know"),
        ({"resources": [{"path": "sap"}]}, "/resources/0/path", "a path that begins with /"),
        ({"resources": [{"path": "/a/../b"}]}, "/resources/0/path", "a path that begins with /"),
        ({"resources": []}, "", "no resources: nothing of this system can be reached"),
        ({"trust": "missing.pem"}, "/trust", 'the file "missing.pem" does not exist'),
        ({"process": {"command": "x", "path": "nowhere"}}, "/process/path", 'the folder "nowhere" does not exist'),
        (
            {"process": {"command": "x"}, "internal": "https://erp.company:443"},
            "/internal",
            'the process runs on this machine, but internal names "erp.company"',
        ),
    ],
)
def test_a_mistake_in_a_system_is_named(folder: Path, change: dict[str, object], path: str, rule: str):
    _, mistakes = read(folder, json.dumps({"on-premise": {"systems": [{**SYSTEM, **change}]}}))

    [mistake] = mistakes
    assert mistake.path == f"/on-premise/systems/0{path}"
    assert rule in mistake.rule


def test_the_file_of_a_service_must_be_there(folder: Path):
    document, _ = read(folder, "services: {uaa: {service: xsuaa, config: xs-security.json}}")

    _, mistakes = defined_services(document, folder)

    assert [(mistake.file, mistake.rule) for mistake in mistakes] == [
        ("xs-security.json", "cannot be read: No such file or directory")
    ]
