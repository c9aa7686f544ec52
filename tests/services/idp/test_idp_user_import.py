from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from click.testing import Result
from typer.testing import CliRunner

from entryway.cli.commands import app
from entryway.landscape.record import load_record, save_record
from entryway.landscape.state import StateFolder
from entryway.testing.idp import ADMIN_SECRET, Person, RunningIdp, hidden_fields

GOOD = "user_name,email,groups,active\n{0}-a,{0}-a@example.com,Imported|Others,true\n{0}-b,,Imported,true\n"


def send(idp: RunningIdp, table: str, **wishes: bool) -> httpx.Response:
    return idp.admin("POST", "/users/import", {"table": table, **wishes})


def users(idp: RunningIdp, name: str) -> dict[str, dict]:
    return {one["user_name"]: one for one in idp.users() if one["user_name"].startswith(name)}


def test_a_table_is_imported_at_once(idp: RunningIdp, name: str) -> None:
    would = send(idp, GOOD.format(name), dry_run=True)
    assert would.json() == {"done": False, "created": 2, "changed": 0, "unchanged": 0, "errors": []}
    assert users(idp, name) == {}
    assert send(idp, GOOD.format(name), invite=True).json()["created"] == 2
    made = users(idp, name)
    assert made[f"{name}-a"]["groups"] == ["Imported", "Others"]
    assert "password" in idp.mail_to(f"{name}-a@example.com")["text"]
    again = send(idp, GOOD.format(name))
    assert again.json() == {"done": True, "created": 0, "changed": 0, "unchanged": 2, "errors": []}
    changed = send(idp, f"user_name,groups\n{name}-a,Others\n{name}-b,\n")
    assert changed.json()["changed"] == 2
    assert users(idp, name)[f"{name}-a"]["groups"] == ["Others"]
    assert users(idp, name)[f"{name}-a"]["email"] == f"{name}-a@example.com"
    assert users(idp, name)[f"{name}-b"]["groups"] == []


def test_a_table_with_one_mistake_changes_nothing(idp: RunningIdp, name: str) -> None:
    idp.user(name)
    for bad, line in (
        (f"{name}-x,no address,,true\n", 4),
        (f"{name}-x,{name}@example.com,,true\n", 4),  # somebody else's address
        (f"{name}@example.com,,,true\n", 4),  # as a name
        (f"{name}-x,,,perhaps\n", 4),
    ):
        answer = send(idp, GOOD.format(name) + bad)
        assert answer.status_code == 400
        assert f"line {line}: " in answer.json()["detail"]
        would = send(idp, GOOD.format(name) + bad, dry_run=True)
        assert would.status_code == 200
        assert [one["line"] for one in would.json()["errors"]] == [line]
        assert list(users(idp, name)) == [name]


def test_users_who_are_switched_off_are_logged_out(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    application = idp.application()
    person.log_in(person.authorize(application), name)
    assert send(idp, f"user_name,status\n{name},inactive\n").json()["changed"] == 1
    assert "login_required" in person.authorize(application, prompt="none").headers["location"]


@pytest.mark.parametrize("body", [{}, {"table": 1}, {"table": "", "dry_run": "perhaps"}, {"table": "", "other": 1}, []])
def test_what_is_no_import_is_refused(idp: RunningIdp, body: object) -> None:
    assert idp.admin("POST", "/users/import", body).status_code == 400


def test_only_administrators_import(idp: RunningIdp, person: Person, name: str) -> None:
    application = idp.application()
    for auth in (None, ("entryway-admin", "wrong"), (application.client_id, application.secret)):
        answer = idp.http.post("/entryway/v1/users/import", json={"table": GOOD.format(name)}, auth=auth)
        assert answer.status_code in {401, 403}
    idp.user(name)
    person.log_in(person.http.get("/login"), name)
    assert person.http.get("/admin/import").status_code == 403
    assert len(users(idp, name)) == 1


def test_a_table_is_imported_on_the_page(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name, groups=["Identity Administrators"])
    person.log_in(person.http.get("/login"), name)
    page = person.http.get("/admin/import")
    bad = person.send(page, "/admin/import", table=f"user_name\r\n{name}-a\r\n{name}-a\r\n")
    assert bad.status_code == 400
    assert "Line 3" in bad.text
    table = GOOD.format(name).replace("\n", "\r\n")
    checked = person.send(page, "/admin/import", table=table)
    assert "would create 2 users" in checked.text
    assert list(users(idp, name)) == [name]
    done = person.send(checked, "/admin/import", table=table)
    assert "would" in done.text
    fields = {"table": table, "invite": "on"}
    posted = person.http.post("/admin/import/done", data={**hidden_fields(checked, "/admin/import"), **fields})
    assert "2 users were created" in posted.text
    assert len(users(idp, name)) == 3
    assert idp.mail_to(f"{name}-a@example.com")


@pytest.fixture
def state(idp: RunningIdp, tmp_path: Path) -> Path:
    """Return a state folder of the identity provider that runs."""
    folder = StateFolder(tmp_path / "state")
    folder.ca_certificate.parent.mkdir(parents=True)
    folder.ca_certificate.write_bytes(idp.authority.ca_file.read_bytes())
    key = base64.b64encode(bytes(32)).decode()
    folder.secrets_file.write_text(json.dumps({"master_key": key, "platform_client_secret": ADMIN_SECRET}))
    record = load_record(folder)
    record.ports = record.ports.model_copy(update={"identity_provider": urlsplit(idp.url).port})
    save_record(folder, record)
    return folder.root


def entryway(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["identity", *arguments, "--state", str(state)])


def test_the_command_line_imports(idp: RunningIdp, state: Path, tmp_path: Path, name: str) -> None:
    table = tmp_path / "users.csv"
    table.write_text(GOOD.format(name))
    would = entryway(state, "import", str(table), "--dry-run")
    assert would.stdout == "it would be: 2 created, 0 changed, 0 unchanged\n"
    assert users(idp, name) == {}
    assert entryway(state, "import", str(table)).stdout == "2 created, 0 changed, 0 unchanged\n"
    table.write_text(f"user_name,active\n{name}-a,perhaps\n")
    wrong = entryway(state, "import", str(table))
    assert wrong.exit_code == 1
    assert f"{table}:2: active must be true or false" in wrong.stderr
    assert entryway(state, "import", str(tmp_path / "nothing.csv")).exit_code != 0


def test_the_command_line_trusts_companies(idp: RunningIdp, state: Path, tmp_path: Path) -> None:
    settings = tmp_path / "company.json"
    config = {"issuer": "https://cli.example", "client_id": "ours", "client_secret": "very-secret"}
    settings.write_text(json.dumps({"type": "oidc1.0", "name": "By command", "config": config}))
    done = entryway(state, "set-provider", "by-command", str(settings))
    assert done.exit_code == 0
    assert "very-secret" not in done.stdout
    assert "by-command" in entryway(state, "providers").stdout
    rules = tmp_path / "rules.json"
    rules.write_text('{"on_request": ["by-command"]}')
    assert entryway(state, "logins", "--set", str(rules)).exit_code == 0
    assert "by-command" in entryway(state, "logins", "--json").stdout
    rules.write_text("{}")
    assert entryway(state, "logins", "--set", str(rules)).exit_code == 0
    assert entryway(state, "delete-provider", "by-command").exit_code == 0
    assert entryway(state, "delete-provider", "by-command").exit_code != 0
    rules.write_text("{")
    assert entryway(state, "logins", "--set", str(rules)).exit_code != 0
    assert entryway(tmp_path / "no-state", "providers").exit_code != 0
