from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.descriptor import BoundInstance, Module, ServiceInstance
from entryway.landscape.environment import Bound, inherited, module_environment, trusting
from entryway.landscape.environment_file import (
    forget_environments,
    keep_environment,
    kept_modules,
    load_environment,
    render,
)
from entryway.landscape.state import open_state

SRV = Module("srv", "/modules/0", "srv", "run", {"LEVEL": "3", "PORT": "1", "VCAP_SERVICES": "mine"})


def bound(name: str, service: str | None, binding_name: str | None = None) -> Bound:
    instance = ServiceInstance(name, "", service, "lite")
    return Bound(instance, f"{name}-id", f"{name}-binding", BoundInstance(name, {}, binding_name), {"clientid": "c"})


def test_services_are_listed_by_label_as_a_platform_does():
    services = [bound("uaa", "xsuaa"), bound("dest", "destination", "backend"), bound("db", "user-provided")]
    environment = module_environment(SRV, 5001, "app-id", services)

    found = json.loads(environment["VCAP_SERVICES"])
    assert list(found) == ["xsuaa", "destination", "user-provided"]
    assert found["xsuaa"][0] == {
        "binding_guid": "uaa-binding",
        "binding_name": None,
        "instance_guid": "uaa-id",
        "instance_name": "uaa",
        "name": "uaa",
        "label": "xsuaa",
        "plan": "lite",
        "tags": ["xsuaa"],
        "provider": None,
        "credentials": {"clientid": "c"},
        "syslog_drain_url": None,
        "volume_mounts": [],
    }
    assert found["destination"][0]["name"] == "backend"
    assert found["user-provided"][0]["tags"] == []


def test_what_the_landscape_decides_wins_over_the_module():
    environment = module_environment(SRV, 5001, "app-id", [])

    assert environment["LEVEL"] == "3"
    assert (environment["PORT"], environment["VCAP_SERVICES"]) == ("5001", "{}")


def test_credentials_do_not_show_in_a_log():
    assert "clientid" not in repr(bound("uaa", "xsuaa"))


def test_another_platform_is_not_inherited():
    environ = {"PATH": "/bin", "VCAP_SERVICES": "{}", "CF_INSTANCE_IP": "x", "PORT": "1", "destinations": "[]"}

    assert inherited(environ) == {"PATH": "/bin"}


def test_no_proxy_stands_between_the_parts(tmp_path: Path):
    state = open_state(tmp_path)

    environ = trusting({"NO_PROXY": "intranet", "HTTPS_PROXY": "http://proxy:8080"}, state)

    assert environ["NO_PROXY"] == environ["no_proxy"] == "intranet,localhost,127.0.0.1,::1"
    assert environ["HTTPS_PROXY"] == "http://proxy:8080"
    assert environ["SSL_CERT_FILE"] == environ["REQUESTS_CA_BUNDLE"] == str(state.ca_bundle)
    assert environ["NODE_EXTRA_CA_CERTS"] == str(state.ca_certificate)


def test_environments_are_kept_while_a_landscape_runs(tmp_path: Path):
    state = open_state(tmp_path)
    keep_environment(state, "srv", {"A": "1"})
    keep_environment(state, "web", {"B": "2"})

    assert kept_modules(state) == ["srv", "web"]
    assert load_environment(state, "web") == {"B": "2"}
    forget_environments(state)
    assert kept_modules(state) == []


def test_json_is_what_default_env_json_holds():
    text = render({"PORT": "5001", "VCAP_SERVICES": '{"xsuaa": []}', "ODD": "{not json"}, "json")

    assert json.loads(text) == {"PORT": "5001", "VCAP_SERVICES": {"xsuaa": []}, "ODD": "{not json"}


VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)


@given(VALUES)
def test_a_shell_reads_back_every_value(value: str):
    script = render({"VALUE": value}, "shell") + 'printf "%s" "$VALUE"'

    answer = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True)

    assert answer.stdout.decode() == value


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain", "V=plain\n"),
        ('{"a": "$b"}', 'V=\'{"a": "$b"}\'\n'),
        ("it's", 'V="it\'s"\n'),
        ('it\'s "$5"\nand `more`', 'V="it\'s \\"\\$5\\"\\nand \\`more\\`"\n'),
        ("", "V=\n"),
    ],
)
def test_dotenv_quotes_what_readers_would_change(value: str, line: str):
    assert render({"V": value}, "dotenv") == line
