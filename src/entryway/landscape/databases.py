"""The databases of a landscape, all services together: migrated, backed up, restored and given a new master key."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeVar

from entryway.authserver.schema import SCHEMA as AUTHSERVER
from entryway.broker.schema import SCHEMA as BROKER
from entryway.connectivity.schema import SCHEMA as CONNECTIVITY
from entryway.destinations.schema import SCHEMA as DESTINATIONS
from entryway.errors import ConfigurationError
from entryway.idp.schema import SCHEMA as IDP
from entryway.landscape import backup_manifest
from entryway.landscape.secrets import MASTER_KEY_BYTES, Secrets, load_secrets, save_secrets
from entryway.landscape.state import StateFolder, open_state
from entryway.storage import Database, Keyring, Outcome, Schema, audit, audit_retention, backup, resealing
from entryway.storage.digests import Digests
from entryway.storage.moments import utc_now
from entryway.storage.resealing import Resealed

Result = TypeVar("Result")

SCHEMAS: Mapping[str, Schema] = {
    schema.service: schema for schema in (AUTHSERVER, IDP, DESTINATIONS, BROKER, CONNECTIVITY)
}


@dataclass(frozen=True, slots=True)
class Status:
    """Which revision a database has, and whether it is the newest; `found` is None where there is no database."""

    service: str
    found: str | None
    newest: str

    @property
    def is_current(self) -> bool:
        """Whether nothing has to be done."""
        return self.found == self.newest


def status(root: Path) -> list[Status]:
    """Return the state of every database."""

    async def look(database: Database, schema: Schema) -> Status:
        there = database.file is None or database.file.exists()
        return Status(schema.service, await database.revision() if there else None, schema.head)

    return asyncio.run(_each(StateFolder(root.resolve()), look))


def migrate(root: Path) -> list[tuple[str, Outcome]]:
    """Bring every database to the newest revision."""
    state = open_state(root)

    async def bring_up(database: Database, schema: Schema) -> tuple[str, Outcome]:
        return schema.service, await database.migrate(schema)

    return asyncio.run(_each(state, bring_up))


def back_up(root: Path, file: Path) -> dict[str, int]:
    """Write every database that there is into one file; return how many rows each has."""
    state = StateFolder(root.resolve())
    if file.exists():
        raise ConfigurationError(f"{file} exists already")
    master_key = load_secrets(state).master_key
    rows: dict[str, int] = {}
    digests: dict[str, str] = {}
    # For its owner alone: what is sealed stays sealed in it, but names and addresses are not secrets of ours to tell.
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:

        async def write(database: Database, schema: Schema) -> None:
            if database.file is None or database.file.exists():
                with archive.open(_member(schema), "w", force_zip64=True) as member:
                    digested = _Digested(member)
                    rows[schema.service] = await backup.dump(database, schema, digested)
                digests[_member(schema)] = digested.digest.hexdigest()

        try:
            asyncio.run(_each(state, write))
            backup_manifest.write(archive, digests, master_key)
        except BaseException:
            file.unlink()
            raise
    return rows


def restore(root: Path, file: Path, *, force: bool) -> dict[str, int]:
    """Fill the databases from a backup; return how many rows each has."""
    state = open_state(root)
    try:
        archive = zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile) as error:
        raise backup.BackupUnusable(f"{file} cannot be read as a backup: {error}") from error
    rows: dict[str, int] = {}
    with archive:
        members = set(archive.namelist())
        if not members & {_member(schema) for schema in SCHEMAS.values()}:
            raise backup.BackupUnusable(f"{file} holds no database")
        backup_manifest.check(archive, _master_keys(state))

        async def read(database: Database, schema: Schema) -> None:
            if _member(schema) in members:
                with archive.open(_member(schema)) as member:
                    rows[schema.service] = await backup.restore(database, schema, member, force=force)

        asyncio.run(_each(state, read))
    return rows


def rotate_master_key(root: Path) -> dict[str, int]:
    """Make a new master key and seal every data key with it; return how many keys of each database.

    Interrupted at any point, the landscape starts with what the secrets file says, and doing it again completes it.
    """
    state = StateFolder(root.resolve())
    before = load_secrets(state)
    rotating = Secrets(
        secrets.token_bytes(MASTER_KEY_BYTES),
        before.platform_client_secret,
        (before.master_key, *before.previous_master_keys),
    )
    save_secrets(state, rotating)
    keys: dict[str, int] = {}

    async def seal(database: Database, schema: Schema) -> None:
        if database.file is None or database.file.exists():
            keyring = Keyring(rotating.master_key, rotating.previous_master_keys)
            keys[schema.service] = await keyring.open(database, await database.migrate(schema))

    asyncio.run(_each(state, seal))
    save_secrets(state, Secrets(rotating.master_key, rotating.platform_client_secret))
    return keys


def replace_data_keys(root: Path) -> dict[str, Resealed]:
    """Make a new data key for every database and seal with it what lasts; return what was done in each.

    Interrupted at any point, `reseal` goes on.
    """

    async def replace(database: Database, schema: Schema, keyring: Keyring) -> Resealed:
        await keyring.add(database)
        return await resealing.reseal(database, schema, keyring)

    return _with_keyrings(root, replace)


def reseal(root: Path, *, end_older_keys: bool, now: Callable[[], datetime] = utc_now) -> dict[str, Resealed]:
    """Seal with the newest data keys what older ones still seal; if nothing is left, end the older ones when asked."""

    async def go_on(database: Database, schema: Schema, keyring: Keyring) -> Resealed:
        done = await resealing.reseal(database, schema, keyring)
        if end_older_keys and done.unopened == 0:
            await keyring.end_older(database, now())
        return done

    return _with_keyrings(root, go_on)


def _with_keyrings(root: Path, work: Callable[[Database, Schema, Keyring], Awaitable[Resealed]]) -> dict[str, Resealed]:
    state = StateFolder(root.resolve())
    known, done = load_secrets(state), dict[str, Resealed]()

    async def with_keyring(database: Database, schema: Schema) -> None:
        if database.file is None or database.file.exists():
            keyring = Keyring(known.master_key, known.previous_master_keys)
            await keyring.open(database, await database.migrate(schema))
            done[schema.service] = await work(database, schema, keyring)

    asyncio.run(_each(state, with_keyring))
    return done


def audit_entries(root: Path, service: str, **wanted: Any) -> list[Mapping[str, Any]]:
    """Return entries of a service's audit trail."""

    async def read(database: Database) -> list[Mapping[str, Any]]:
        return [dict(row) for row in await audit.entries(database, **wanted)]

    return asyncio.run(_one(StateFolder(root.resolve()), service, read))


def verify_audit(root: Path, service: str) -> audit.Verified:
    """Check a service's audit trail."""
    state = StateFolder(root.resolve())
    known = load_secrets(state)

    async def check(database: Database) -> audit.Verified:
        keyring = Keyring(known.master_key, known.previous_master_keys)
        await keyring.open(database)
        return await audit.verify(database, Digests(keyring, service))

    return asyncio.run(_one(state, service, check))


def remove_audit_entries(root: Path, service: str, before: datetime) -> int:
    """Remove the oldest entries of a service's audit trail; return how many."""
    state = StateFolder(root.resolve())
    known = load_secrets(state)

    async def remove(database: Database) -> int:
        keyring = Keyring(known.master_key, known.previous_master_keys)
        await keyring.open(database)
        trail = audit.Audit(database, Digests(keyring, service), utc_now)
        return await audit_retention.remove_older(database, trail, before, "entryway audit prune")

    return asyncio.run(_one(state, service, remove))


async def _each(state: StateFolder, work: Callable[[Database, Schema], Awaitable[Any]]) -> list[Any]:
    done = []
    for schema in SCHEMAS.values():
        database = Database(state.database_url(schema.service))
        try:
            with database.our_errors():
                done.append(await work(database, schema))
        finally:
            await database.close()
    return done


async def _one(state: StateFolder, service: str, work: Callable[[Database], Awaitable[Result]]) -> Result:
    database = Database(state.database_url(service))
    try:
        if database.file is not None and not database.file.exists():
            raise ConfigurationError(f"there is no database of {service} in {state.root}")
        with database.our_errors():
            return await work(database)
    finally:
        await database.close()


@dataclass(slots=True)
class _Digested:
    """A part of a backup that is digested while it is written."""

    out: IO[bytes]
    digest: Any = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.out.write(data)


def _master_keys(state: StateFolder) -> tuple[bytes, ...]:
    # A folder that has no secrets yet is given those that belong to the backup, before or after.
    if not state.secrets_file.exists():
        return ()
    known = load_secrets(state)
    return known.master_key, *known.previous_master_keys


def _member(schema: Schema) -> str:
    return f"{schema.service}.jsonl"
