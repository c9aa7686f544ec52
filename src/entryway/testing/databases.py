"""Databases for tests: a file of SQLite, or a database of a real PostgreSQL that runs for as long as the tests do."""

from __future__ import annotations

import asyncio
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from entryway.storage import Database, Keyring, Schema, Sealer, SealError, derive_key
from entryway.storage.resealing import Resealed, reseal

# The URL of the database of a service that has its state in a folder: the same folder is the same database.
DatabaseUrl = Callable[[Path, str], str]

_UNPRIVILEGED = "nobody"
_SETTINGS = (
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=64MB",
    "max_connections=200",
)


def sqlite_url(folder: Path, service: str) -> str:
    """Return the URL of a database in a file."""
    return f"sqlite+aiosqlite:///{folder}/{service}.db"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A PostgreSQL that listens on a socket in `folder` and nowhere else."""

    folder: Path
    made: set[str] = field(default_factory=set)

    def url(self, folder: Path, service: str) -> str:
        """Return the URL of a database, which is created where it does not exist."""
        name = f"{service}_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
        if name not in self.made:
            execute(self.url_of("postgres"), f'CREATE DATABASE "{name}"', in_transaction=False)
            self.made.add(name)
        return self.url_of(name)

    def url_of(self, name: str) -> str:
        """Return the URL of a database by its name."""
        return f"postgresql+asyncpg://entryway@/{name}?host={self.folder}"


@contextmanager
def running_postgresql() -> Iterator[PostgresServer]:
    """Run a PostgreSQL of its own; it refuses to run as root, so root lets `nobody` run it."""
    user = _UNPRIVILEGED if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="entryway-postgresql-"))
    try:
        if user is not None:
            owner = pwd.getpwnam(user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = folder / "data"
        initdb = [_program("initdb"), "-D", str(data), "-U", "entryway", "-E", "UTF8", "--auth=trust", "--no-sync"]
        subprocess.run(
            [*initdb, "--locale=C"], user=user, cwd=folder, check=True, capture_output=True, env=_environment()
        )
        options = [part for setting in _SETTINGS for part in ("-c", setting)]
        log = (folder / "log").open("wb")
        with log, _started([_program("postgres"), "-D", str(data), "-k", str(folder), *options], user, folder, log):
            _wait_until_ready(folder, user)
            yield PostgresServer(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(command: list[str], user: str | None, folder: Path, log: Any) -> Iterator[None]:
    process = subprocess.Popen(command, user=user, cwd=folder, stdout=log, stderr=log, env=_environment())
    try:
        yield
    finally:
        process.terminate()
        try:
            # SIGTERM lets connections finish; whoever still has one after that is a test that has ended.
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(20)


def execute(url: str, *statements: str, in_transaction: bool = True) -> Sequence[Sequence[Any]]:
    """Run statements against a database from outside the service, and return what the last one found."""

    async def run() -> Sequence[Sequence[Any]]:
        database = Database(url)
        try:
            engine = database.engine
            if not in_transaction:
                engine = engine.execution_options(isolation_level="AUTOCOMMIT")
            async with engine.begin() as connection:
                for statement in statements:
                    found = await connection.execute(text(statement))
                return [tuple(row) for row in found.all()] if found.returns_rows else []
        finally:
            await database.close()

    # A loop of its own, for the caller may be inside one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def _wait_until_ready(folder: Path, user: str | None) -> None:
    ready = [_program("pg_isready"), "-q", "-h", str(folder), "-t", "30"]
    for _ in range(300):
        if subprocess.run(ready, user=user, cwd=folder, check=False, env=_environment()).returncode == 0:
            return
        time.sleep(0.05)
    message = f"PostgreSQL did not start: {(folder / 'log').read_text(errors='replace')}"
    raise RuntimeError(message)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}


def _program(name: str) -> str:
    # Debian keeps the server's programs beside one another for several versions, and off the PATH.
    versions = sorted(Path("/usr/lib/postgresql").glob("[0-9]*"), key=lambda folder: int(folder.name), reverse=True)
    for candidate in [*(folder / "bin" / name for folder in versions), Path(shutil.which(name) or name)]:
        if candidate.exists():
            return str(candidate)
    message = f"there is no {name}: install PostgreSQL (on Debian: apt-get install postgresql)"
    raise RuntimeError(message)


class FixedKeyring(Keyring):
    """A keyring with one data key, without a database to keep it in."""

    def __init__(self, root: bytes) -> None:
        super().__init__(root)
        self._root = root

    @property
    def newest(self) -> str:
        return "01020304"

    @property
    def state(self) -> object:
        return self

    def key(self, data_key: str, purpose: str) -> bytes:
        if data_key != self.newest:
            raise SealError(data_key)
        return derive_key(self._root, purpose)

    def lasting_key(self, purpose: str) -> bytes:
        return self.key(self.newest, purpose)


def sealer_of(url: str, master_key: bytes) -> Sealer:
    """Return what seals in a database, for whoever has its master key."""

    async def run() -> Sealer:
        database, keyring = Database(url), Keyring(master_key)
        try:
            await keyring.open(database)
            return Sealer(keyring)
        finally:
            await database.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def reseal_everything(url: str, master_key: bytes, schema: Schema) -> Resealed:
    """Replace the data key of a service's database, and return what came of it."""

    async def run() -> Resealed:
        database, keyring = Database(url), Keyring(master_key)
        try:
            await keyring.open(database)
            await keyring.add(database)
            return await reseal(database, schema, keyring)
        finally:
            await database.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def contents(url: str) -> bytes:
    """Return everything that a database holds, as somebody who stole it would see it."""
    database = Database(url)
    if database.file is not None:
        return b"".join(file.read_bytes() for file in database.file.parent.glob(f"{database.file.name}*"))
    names = execute(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    values = (value for (name,) in names for row in execute(url, f'SELECT * FROM "{name}"') for value in row)  # noqa: S608
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
