from __future__ import annotations

import base64
import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from admin_client import administrator
from product_descriptor import products
from typer.testing import CliRunner

from entryway.cli.commands import app
from entryway.clients.access import PlatformRefused
from entryway.errors import NotFound
from entryway.landscape.record import ControlPorts, LandscapeRecord, save_record
from entryway.landscape.state import StateFolder, StateUnusable
from entryway.testing.authserver import PLATFORM_SECRET, BoundApplication, RunningAuthServer, running_authserver
from entryway.testing.databases import sqlite_url

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory):
    """One engine is enough: what the commands call is tested on both."""
    with running_authserver(tmp_path_factory.mktemp("commands"), database_url=sqlite_url) as running:
        yield running


@pytest.fixture(scope="module")
def credential(one_server: RunningAuthServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = administrator(one_server).done("POST", "/apiCredentials", {"name": "of the command line"})
    file = tmp_path_factory.mktemp("credential") / "credential.json"
    file.write_text(json.dumps(made), "utf-8")
    return file


@pytest.fixture
def run(one_server: RunningAuthServer, credential: Path) -> Command:
    def invoke(group: str, *arguments: str, given: str | None = None) -> str:
        target = ["--credentials", str(credential), "--ca", str(one_server.ca_file)]
        result = CliRunner().invoke(app, [group, *target, *arguments], input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


@pytest.fixture
def products_app(one_server: RunningAuthServer) -> BoundApplication:
    name = f"cli-{uuid.uuid4().hex[:8]}"
    descriptor = products(name)
    descriptor["attributes"] = [{"name": "Country"}]
    descriptor["role-templates"].append(
        {"name": "Seller", "scope-references": ["$XSAPPNAME.Edit"], "attribute-references": ["Country"]}
    )
    return one_server.deploy(descriptor)


def test_from_an_application_to_a_user_who_may_use_it(run: Command, products_app: BoundApplication) -> None:
    unique, of = uuid.uuid4().hex[:8], products_app.name
    assert of in run("apps", "list")
    assert "Seller" in run("apps", "get", of)
    run("users", "create", f"cleo-{unique}", "--password-file", "-", given="correct horse\n")
    run(
        "roles",
        "create",
        "France",
        "--app",
        of,
        "--template",
        "Seller",
        "--static",
        "Country=FR",
        "--static",
        "Country=BE",
    )
    role = json.loads(run("roles", "get", "France", "--app", of, "--template", "Seller", "--json"))
    assert role["attributeList"][0]["attributeValues"] == ["FR", "BE"]
    assert "Country = FR, BE" in run("roles", "get", "France", "--app", of, "--template", "Seller")
    run("role-collections", "create", f"Team {unique}", "--description", "all of us")
    run("role-collections", "add-role", f"Team {unique}", "--app", of, "--role", "France", "--template", "Seller")
    run("role-collections", "add-role", f"Team {unique}", "--app", of, "--role", "Viewer")
    run("role-collections", "assign", f"Team {unique}", "--to-user", f"cleo-{unique}")
    shown = json.loads(run("role-collections", "get", f"Team {unique}", "--json"))
    assert [each["roleName"] for each in shown["roleReferences"]] == ["France", "Viewer"]
    assert [each["username"] for each in shown["userReferences"]] == [f"cleo-{unique}"]
    assert f"Team {unique}" in run("users", "list", "--filter", f'userName eq "cleo-{unique}"')
    run("role-collections", "remove-role", f"Team {unique}", "--app", of, "--role", "Viewer")
    run("role-collections", "create", f"Copy {unique}", "--like", f"Team {unique}")
    run("role-collections", "update", f"Copy {unique}", "--description", "copied")
    listed = {each["name"]: each for each in json.loads(run("role-collections", "list", "--json"))}
    assert [each["roleName"] for each in listed[f"Copy {unique}"]["roleReferences"]] == ["France"]
    run("role-collections", "unassign", f"Team {unique}", "--to-user", f"cleo-{unique}")
    assert json.loads(run("users", "get", f"cleo-{unique}", "--json")).get("groups") is None
    with pytest.raises(NotFound, match="was not given"):
        run("role-collections", "unassign", f"Team {unique}", "--to-user", f"cleo-{unique}")
    run("role-collections", "delete", f"Copy {unique}")
    run("roles", "delete", "France", "--app", of, "--template", "Seller")
    assert "France" not in run("roles", "list", "--app", of)
    run("users", "delete", f"cleo-{unique}")
    with pytest.raises(NotFound):
        run("users", "get", f"cleo-{unique}")


def test_trust_and_what_it_gives(run: Command, tmp_path: Path) -> None:
    origin, config = f"o-{uuid.uuid4().hex[:8]}", tmp_path / "oidc.json"
    config.write_text(json.dumps({"issuer": "https://i.example", "client_id": "c", "client_secret": "s3cret"}), "utf-8")
    assert "s3cret" not in run("trust", "create", origin, "--config", str(config), "--link-text", "Company")
    run("trust", "update", origin, "--inactive")
    assert json.loads(run("trust", "get", origin, "--json"))["active"] is False
    run("trust", "update", origin, "--active", "--no-create-shadow-users")
    assert origin in run("trust", "list")
    run("role-collections", "create", f"T {origin}")
    run("role-collections", "assign", f"T {origin}", "--to-group", "staff", "--of-idp", origin)
    by_attribute = ["--to-attribute", "unit", "--attribute-value", "R&D", "--of-idp", origin]
    run("role-collections", "assign", f"T {origin}", *by_attribute, "--operator", "contains")
    run("role-collections", "assign", f"T {origin}", "--to-user", "new@i.example", "--of-idp", origin)
    shown = json.loads(run("role-collections", "get", f"T {origin}", "--json"))
    assert [each["attributeValue"] for each in shown["groupReferences"]] == ["staff"]
    assert [each["attributeValue"] for each in shown["samlAttributeAssignment"]] == ["R&D"]
    assert [each["origin"] for each in shown["userReferences"]] == [origin]
    assert f"unit contains R&D ({origin})" in run("role-collections", "get", f"T {origin}")
    run("role-collections", "unassign", f"T {origin}", "--to-group", "staff", "--of-idp", origin)
    run("role-collections", "unassign", f"T {origin}", *by_attribute, "--operator", "contains")
    run("trust", "delete", origin)
    with pytest.raises(PlatformRefused, match="404"):
        run("trust", "get", origin)


def test_settings_and_keys(run: Command) -> None:
    run("settings", "update", "--access-token-validity", "1800")
    assert json.loads(run("settings", "get", "--json"))["tokenPolicySettings"]["accessTokenValidity"] == 1800
    assert "1800" in run("settings", "get")
    run("settings", "update", "--access-token-validity", "-1", "--refresh-token-format", "jwt")
    assert "jwt" in run("settings", "get")
    run("settings", "update", "--refresh-token-format", "opaque")
    keys = json.loads(run("keys", "create", "--json"))
    new = next(key["keyId"] for key in keys if not key["signs"])
    assert new in run("keys", "list")
    assert [key["createdAt"] for key in keys] == sorted(key["createdAt"] for key in keys)
    with pytest.raises(PlatformRefused, match="409"):
        run("keys", "enable", new)
    run("keys", "delete", new, "--force")
    assert new not in run("keys", "list")


def test_an_api_credential_is_printed_once(run: Command) -> None:
    name = f"pipeline-{uuid.uuid4().hex[:8]}"
    made = json.loads(run("api-credentials", "create", name, "--read-only"))
    assert made["credentials"]["clientsecret"]
    assert made["credentials"]["clientsecret"] not in run("api-credentials", "list", "--json")
    run("api-credentials", "delete", name)
    assert name not in run("api-credentials", "list")


def test_tenants_are_for_the_platform(run: Command, one_server: RunningAuthServer, tmp_path: Path) -> None:
    with pytest.raises(PlatformRefused, match="403"):
        run("tenants", "list")
    platform = tmp_path / "platform.json"
    given = {"url": one_server.url, "clientid": "entryway-platform", "clientsecret": PLATFORM_SECRET}
    platform.write_text(json.dumps(given), "utf-8")
    target, label = ["--credentials", str(platform), "--ca", str(one_server.ca_file)], f"t{uuid.uuid4().hex[:8]}"

    def as_platform(group: str, *arguments: str) -> str:
        result = CliRunner().invoke(app, [group, *target, *arguments])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    as_platform("tenants", "create", label, "--name", "Acme")
    assert label in as_platform("tenants", "list")
    as_platform("role-collections", "--tenant", label, "create", "Only there")
    assert "Only there" in as_platform("role-collections", "--tenant", label, "list")
    assert "Subaccount Administrator" in as_platform("role-collections", "--tenant", label, "list")
    assert "Only there" not in as_platform("role-collections", "list")
    as_platform("tenants", "add-domain", label, f"login.{label}.example", "--main")
    assert json.loads(as_platform("tenants", "domains", label, "--json")) == [
        {"host": f"login.{label}.example", "main": True}
    ]
    as_platform("tenants", "remove-domain", label, f"login.{label}.example")
    assert json.loads(as_platform("tenants", "domains", label, "--json")) == []
    subscribed = [one_server.deploy(products(f"{n}-{label}") | {"tenant-mode": "shared"}).name for n in ("one", "two")]
    as_platform("tenants", "subscribe", label, subscribed[0], "--dependency", subscribed[1])
    listed = json.loads(as_platform("tenants", "subscriptions", label, "--json"))
    assert {each["xsappname"]: each["wanted"] for each in listed} == dict(zip(subscribed, (True, False), strict=True))
    as_platform("tenants", "unsubscribe", label, subscribed[0])
    assert json.loads(as_platform("tenants", "subscriptions", label, "--json")) == []
    as_platform("tenants", "suspend", label)
    assert json.loads(as_platform("tenants", "get", label, "--json"))["suspended"]
    as_platform("tenants", "resume", label)
    as_platform("tenants", "delete", label, "--yes")
    assert label not in as_platform("tenants", "list")


def test_services_that_run_alone_are_administered_by_their_state(one_server: RunningAuthServer, tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.ca_certificate.parent.mkdir()
    state.ca_certificate.write_bytes(one_server.ca_file.read_bytes())
    save_record(state, LandscapeRecord(ports=ControlPorts(services=urlsplit(one_server.url).port or 0)))
    key = base64.b64encode(bytes(32)).decode()
    state.secrets_file.write_text(json.dumps({"master_key": key, "platform_client_secret": PLATFORM_SECRET}), "utf-8")
    listed = CliRunner().invoke(app, ["tenants", "--state", str(tmp_path), "list"])
    assert (listed.exit_code, "Development" in listed.stdout) == (0, True), listed.output
    nothing = CliRunner().invoke(app, ["tenants", "--state", str(tmp_path / "nowhere"), "list"])
    assert isinstance(nothing.exception, StateUnusable)


@pytest.mark.parametrize(
    "arguments",
    [
        ["role-collections", "assign", "X"],
        ["role-collections", "assign", "X", "--to-user", "a", "--to-group", "b"],
        ["role-collections", "assign", "X", "--to-attribute", "a"],
        ["roles", "create", "X", "--app", "a!t1", "--template", "T", "--static", "Country"],
        ["settings", "update"],
        ["users", "--state", ".", "--credentials", "x.json", "list"],
        ["trust", "create", "x"],
        ["users", "create", "x", "--password-file", "nowhere"],
    ],
)
def test_what_cannot_be_meant_asks_nobody(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "Usage" in result.output


def test_a_process_ends_with_its_code_and_shows_no_secret(
    one_server: RunningAuthServer, credential: Path, tmp_path: Path
) -> None:
    def entryway(group: str, file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        target = ["--credentials", str(file), "--ca", str(one_server.ca_file)]
        command = [sys.executable, "-P", "-m", "entryway", group, *target, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    refused = entryway("role-collections", credential, "delete", "Subaccount Viewer")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "409" in refused.stderr
    broken = tmp_path / "broken.json"
    broken.write_text('{"clientsecret": "s3cret-of-ours", ', "utf-8")
    unreadable = entryway("users", broken, "list")
    assert unreadable.returncode == 2
    assert "s3cret-of-ours" not in unreadable.stderr
    assert "Traceback" not in refused.stderr + unreadable.stderr


def test_a_key_is_replaced_by_the_same_command_three_times(run: Command) -> None:
    (old,) = json.loads(run("keys", "list", "--json"))
    made = json.loads(run("keys", "rotate", "--json"))
    new = next(key["keyId"] for key in made if key["keyId"] != old["keyId"])
    assert [key["signs"] for key in made if key["keyId"] == new] == [False]

    # Nobody may have it yet.
    with pytest.raises(PlatformRefused, match="may be enabled"):
        run("keys", "rotate")

    signing = json.loads(run("keys", "rotate", "--force", "--json"))
    assert next(key["signs"] for key in signing if key["keyId"] == new)
    assert [key["keyId"] for key in json.loads(run("keys", "rotate", "--force", "--json"))] == [new]


def test_a_credential_and_the_switches_of_a_trust(run: Command, tmp_path: Path) -> None:
    made = json.loads(run("api-credentials", "create", f"c-{uuid.uuid4().hex[:8]}"))
    shown = run("api-credentials", "get", made["name"])
    assert made["credentials"]["clientid"] in shown
    assert made["credentials"]["clientsecret"] not in shown
    origin, file = f"o-{uuid.uuid4().hex[:8]}", tmp_path / "oidc.json"
    config = {"issuer": "https://idp.example", "client_id": "x", "client_secret": "y", "password_grant_enabled": True}
    file.write_text(json.dumps(config), "utf-8")
    run("trust", "create", origin, "--config", str(file), "--hint-only")
    run("trust", "update", origin, "--noninteractive", "--default")
    told = json.loads(run("trust", "get", origin, "--json"))
    assert (told["availableForLogon"], told["defaultForNoninteractiveLogon"], told["isDefault"]) == (False, True, True)
    run("trust", "update", origin, "--available", "--no-noninteractive", "--no-default")
    told = json.loads(run("trust", "get", origin, "--json"))
    assert (told["availableForLogon"], told["defaultForNoninteractiveLogon"], told["isDefault"]) == (True, False, False)
    run("trust", "delete", origin)
