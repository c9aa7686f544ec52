"""`entryway storage` and `entryway audit`, on databases that a real authorization server has filled."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import secrets
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from entryway.authserver.schema import SCHEMA
from entryway.cli.commands import app
from entryway.landscape import databases
from entryway.landscape.secrets import Secrets, load_secrets, save_secrets
from entryway.landscape.state import DATABASE_URL, StateFolder, open_state
from entryway.storage import Database, Keyring, SealError
from entryway.storage.backup import dump, restore
from entryway.storage.keyring import SETTLED
from entryway.storage.moments import utc_now
from entryway.testing.authserver import MASTER_KEY, PLATFORM_SECRET, running_authserver
from entryway.testing.databases import DatabaseUrl, contents, execute

PASSWORD = "a-very-secret-password"


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """A landscape's folder with the database of an authorization server that has a user and an application."""
    state = open_state(tmp_path / "state")
    save_secrets(state, Secrets(MASTER_KEY, PLATFORM_SECRET))
    with running_authserver(state.data) as server:
        bound = server.deploy({"xsappname": "kept"}, "11111111-1111-4111-8111-111111111111")
        server.user("erin", PASSWORD)
        server.platform("POST", "/tenants", {"subdomain": "acme", "name": "Acme"})
    (tmp_path / "secret").write_text(bound.secret)
    return state


def entryway(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, f"{done.output}\n{done.exception!r}"
    return done.output


def test_a_backup_is_one_private_file_in_which_secrets_stay_sealed(state: StateFolder, tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    said = entryway("storage", "backup", str(file), "--state", str(state.root))
    assert "authserver" in said
    assert "secrets.json" in said
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as archive:
        written = b"".join(archive.read(name) for name in archive.namelist())
    assert b"kept" in written
    secret = (tmp_path / "secret").read_text()
    for value in (secret, secret.partition("$")[2], PASSWORD, "PRIVATE KEY", PLATFORM_SECRET):
        assert value.encode() not in written
    again = CliRunner().invoke(app, ["storage", "backup", str(file), "--state", str(state.root)])
    assert "exists already" in repr(again.exception)


def test_a_restored_landscape_goes_on_where_it_was(state: StateFolder, tmp_path: Path) -> None:
    file, other = tmp_path / "backup.zip", open_state(tmp_path / "other")
    entryway("storage", "backup", str(file), "--state", str(state.root))
    entryway("storage", "restore", str(file), "--state", str(other.root))
    with running_authserver(other.data) as server:
        path = "/applications/11111111-1111-4111-8111-111111111111/bindings"
        assert server.platform("PUT", f"{path}/new").status_code == 200
        answer = server.http.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=("sb-kept!t1", (tmp_path / "secret").read_text()),
        )
        assert answer.status_code == 200
    assert "entries hold" in _verified(other)


def _verified(state: StateFolder) -> str:
    save_secrets(state, Secrets(MASTER_KEY, PLATFORM_SECRET))
    return entryway("audit", "verify", "--state", str(state.root))


def test_what_is_there_is_not_replaced_unasked(state: StateFolder, tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    entryway("storage", "backup", str(file), "--state", str(state.root))
    url = state.database_url("authserver")
    execute(url, "update users set given_name = 'Changed'")
    refused = CliRunner().invoke(app, ["storage", "restore", str(file), "--state", str(state.root)])
    assert "--force" in repr(refused.exception)
    assert execute(url, "select given_name from users") == [("Changed",)]
    entryway("storage", "restore", str(file), "--state", str(state.root), "--force")
    assert execute(url, "select given_name from users") == [("Erin",)]
    assert "entries hold" in _verified(state)


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_what_is_no_backup(state: StateFolder, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "backup.zip"
    if content is None:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("authserver.jsonl", '{"format":1,"service":"authserver","revision":"authserver_2031"}\n')
    else:
        file.write_bytes(content)
    refused = CliRunner().invoke(app, ["storage", "restore", str(file), "--state", str(state.root), "--force"])
    assert refused.exit_code == 1
    assert "BackupUnusable" in repr(refused.exception)
    assert execute(state.database_url("authserver"), "select count(*) from users") == [(1,)]


def make_administrator(parts: dict[str, bytes]) -> None:
    changed = parts["authserver.jsonl"].replace(b"Erin", b"Mallory")
    assert changed != parts["authserver.jsonl"]
    manifest = json.loads(parts["manifest.json"])
    digests = json.loads(manifest["parts"]) | {"authserver.jsonl": hashlib.sha256(changed).hexdigest()}
    parts["authserver.jsonl"] = changed
    parts["manifest.json"] = json.dumps(manifest | {"parts": json.dumps(digests, sort_keys=True)}).encode()


def cut_off(parts: dict[str, bytes]) -> None:
    parts["authserver.jsonl"] = b"".join(parts["authserver.jsonl"].splitlines(keepends=True)[:-5])


def slip_in(parts: dict[str, bytes]) -> None:
    parts["idp.jsonl"] = parts["authserver.jsonl"]


def leave_out(parts: dict[str, bytes]) -> None:
    del parts["manifest.json"]


def test_a_backup_that_was_changed_replaces_nothing(state: StateFolder, tmp_path: Path) -> None:
    file, changed = tmp_path / "backup.zip", tmp_path / "changed.zip"
    entryway("storage", "backup", str(file), "--state", str(state.root))
    with zipfile.ZipFile(file) as archive:
        written = {name: archive.read(name) for name in archive.namelist()}
    for change in (make_administrator, cut_off, slip_in, leave_out):
        parts = dict(written)
        change(parts)
        with zipfile.ZipFile(changed, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        refused = CliRunner().invoke(app, ["storage", "restore", str(changed), "--state", str(state.root), "--force"])
        assert "BackupUnusable" in repr(refused.exception), change
    assert execute(state.database_url("authserver"), "select given_name from users") == [("Erin",)]


def test_a_backup_from_before_another_master_key_wants_the_secrets_of_then(state: StateFolder, tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    entryway("storage", "backup", str(file), "--state", str(state.root))
    before = load_secrets(state)
    entryway("storage", "rotate-master-key", "--state", str(state.root))
    restore_it = ["storage", "restore", str(file), "--state", str(state.root), "--force"]
    refused = CliRunner().invoke(app, restore_it)
    assert "secrets.json" in repr(refused.exception)
    save_secrets(state, before)
    entryway(*restore_it)
    assert "entries hold" in entryway("audit", "verify", "--state", str(state.root))


async def test_a_backup_of_one_engine_fills_the_other(
    state: StateFolder, tmp_path: Path, database_url: DatabaseUrl
) -> None:
    source, target = Database(state.database_url("authserver")), Database(database_url(tmp_path, "target"))
    held, again = io.BytesIO(), io.BytesIO()
    rows = await dump(source, SCHEMA, held)
    held.seek(0)
    assert await restore(target, SCHEMA, held, force=False) == rows
    assert await dump(target, SCHEMA, again) == rows
    assert again.getvalue() == held.getvalue()
    await source.close()
    await target.close()


def test_a_landscape_on_postgresql(
    postgresql, tmp_path: Path, state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "backup.zip"
    entryway("storage", "backup", str(file), "--state", str(state.root))
    name = secrets.token_hex(4)
    for service in ("authserver", "idp", "destinations", "broker", "connectivity"):
        execute(postgresql.url_of("postgres"), f'CREATE DATABASE "{name}_{service}"', in_transaction=False)
    monkeypatch.setenv(DATABASE_URL, f"postgresql://entryway@/{name}_{{service}}?host={postgresql.folder}")
    assert "created" in entryway("storage", "migrate", "--state", str(state.root))
    assert "current" in entryway("storage", "status", "--state", str(state.root))
    entryway("storage", "restore", str(file), "--state", str(state.root), "--force")
    assert execute(state.database_url("authserver"), "select user_name from users") == [("erin",)]
    monkeypatch.setenv(DATABASE_URL, "postgresql://entryway@/all")
    missing = CliRunner().invoke(app, ["storage", "status", "--state", str(state.root)])
    assert "{service}" in repr(missing.exception)


def test_status_tells_an_old_database_from_a_current_one(state: StateFolder) -> None:
    assert "not there" in entryway("storage", "status", "--state", str(state.root))
    execute(state.database_url("authserver"), "update alembic_version set version_num = 'authserver_baseline_0'")
    assert "not authserver_baseline" in entryway("storage", "status", "--state", str(state.root), code=1)
    assert "adopted" in entryway("storage", "migrate", "--state", str(state.root))
    entryway("storage", "status", "--state", str(state.root))


async def opens(state: StateFolder, master_key: bytes) -> bool:
    database = Database(state.database_url("authserver"))
    try:
        await Keyring(master_key).open(database)
    except SealError:
        return False
    finally:
        await database.close()
    return True


async def test_the_master_key_is_replaced_while_the_server_runs(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    save_secrets(state, Secrets(MASTER_KEY, PLATFORM_SECRET))
    with running_authserver(state.data) as server:
        bound = server.deploy({"xsappname": "kept"})
        server.platform("POST", "/tenants", {"subdomain": "acme", "name": "Acme"})
        assert await opens(state, MASTER_KEY)
        assert (await asyncio.to_thread(databases.rotate_master_key, state.root))["authserver"] == 1
        # It has its data keys, and seals and unseals as before.
        assert server.token(bound, grant_type="client_credentials").status_code == 200
        assert server.bind(bound.instance_id).secret
    known = load_secrets(state)
    assert known.master_key != MASTER_KEY
    assert known.previous_master_keys == ()
    assert known.platform_client_secret == PLATFORM_SECRET
    assert (await opens(state, known.master_key), await opens(state, MASTER_KEY)) == (True, False)
    assert known.master_key not in contents(state.database_url("authserver"))
    verified = await asyncio.to_thread(databases.verify_audit, state.root, "authserver")
    assert (verified.broken_at, verified.entries > 0) == (None, True)


async def test_data_keys_are_replaced_while_the_server_runs(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    save_secrets(state, Secrets(MASTER_KEY, PLATFORM_SECRET))
    with running_authserver(state.data) as server:
        bound = server.deploy({"xsappname": "kept"})
        server.user("erin", PASSWORD)
        form = {"grant_type": "password", "username": "erin", "password": PASSWORD}
        held = server.token(bound, **form).json()["refresh_token"]

        def refreshed() -> int:
            return server.token(bound, grant_type="refresh_token", refresh_token=held).status_code

        done = await asyncio.to_thread(databases.replace_data_keys, state.root)
        assert (done["authserver"].values > 2, done["authserver"].unopened) == (True, 0)
        # Its secrets are sealed with a key that it has not seen, and what it sealed before is still good.
        instance = server.bind(bound.instance_id, "another")
        assert server.token(instance, grant_type="client_credentials").status_code == 200
        assert refreshed() == 200
        later = utc_now() + SETTLED
        ended = await asyncio.to_thread(databases.reseal, state.root, end_older_keys=True, now=lambda: later)
        assert ended["authserver"].unopened == 0
    with running_authserver(state.data) as server:
        assert server.bind(bound.instance_id, "another").secret == instance.secret
        assert server.token(bound, grant_type="client_credentials").status_code == 200
        assert server.token(bound, **form).status_code == 200
        # What clients hold that was sealed with the older key is worth nothing any more.
        assert refreshed() == 401
    verified = await asyncio.to_thread(databases.verify_audit, state.root, "authserver")
    assert verified.broken_at is None


def test_the_commands_say_how_many_values_were_sealed_anew(state: StateFolder) -> None:
    said = entryway("storage", "replace-data-keys", "--state", str(state.root))
    assert "authserver    0 values" not in said
    assert "values sealed anew" in said
    assert "authserver    0 values" in entryway("storage", "reseal", "--state", str(state.root))
    early = CliRunner().invoke(app, ["storage", "reseal", "--end-older-keys", "--state", str(state.root)])
    assert "younger than 15 minutes" in str(early.exception)
    execute(state.database_url("authserver"), "update binding_secrets set sealed_secret = x'0299'")
    told = entryway("storage", "reseal", "--end-older-keys", "--state", str(state.root), code=1)
    assert "do not open" in told


def test_the_command_says_how_many_keys_were_sealed_anew(state: StateFolder) -> None:
    assert "authserver    1 sealed anew" in entryway("storage", "rotate-master-key", "--state", str(state.root))
    assert "entries hold" in entryway("audit", "verify", "--state", str(state.root))


def test_the_trail_is_listed_and_checked(state: StateFolder) -> None:
    listed = entryway("audit", "list", "--state", str(state.root))
    assert "CREATE xs_tenant" in listed
    entries = [
        json.loads(line) for line in entryway("audit", "list", "--json", "--state", str(state.root)).splitlines()
    ]
    created = next(entry for entry in entries if entry["object_type"] == "xs_tenant")
    assert created["details"]["new"] == {"subdomain": "acme", "name": "Acme"}
    assert created["actor"] == "entryway-platform"
    of_tenant = entryway("audit", "list", "--tenant", created["zid"], "--state", str(state.root))
    assert "CREATE xs_tenant" in of_tenant
    assert entryway("audit", "prune", "--older-than", "1", "--state", str(state.root)) == "0 entries removed.\n"
    execute(
        state.database_url("authserver"),
        "drop trigger audit_entries_no_update",
        "update audit_entries set actor = 'nobody' where number = 1",
    )
    assert "from entry 1" in CliRunner().invoke(app, ["audit", "verify", "--state", str(state.root)]).output
