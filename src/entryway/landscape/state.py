"""The state folder of a landscape, `.entryway/`: where everything in it is, and who holds it.

Only one landscape may use a folder at a time; the lock is the operating system's, so it ends with its process.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from entryway.errors import EntrywayError
from entryway.landscape.files import PRIVATE_FILE, private_folder, write_private

FOLDER_NAME = ".entryway"
# Where the databases are, with `{service}` for the name of one; without it, files in the state folder.
DATABASE_URL = "ENTRYWAY_DATABASE_URL"


class StateUnusable(EntrywayError):
    """The state folder cannot be read or written."""

    code = "state_unusable"
    title = "The state folder cannot be used"


class AlreadyRunning(EntrywayError):
    """Another process holds the state folder."""

    code = "already_running"
    title = "A landscape with this state folder is running already"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Names of the files of one landscape; see ARCHITECTURE.md for what they hold."""

    root: Path

    @property
    def landscape_file(self) -> Path:
        return self.root / "landscape.json"

    @property
    def secrets_file(self) -> Path:
        return self.root / "secrets.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def ca_certificate(self) -> Path:
        return self.root / "ca" / "ca.pem"

    @property
    def ca_key(self) -> Path:
        return self.root / "ca" / "ca.key"

    @property
    def ca_bundle(self) -> Path:
        return self.root / "ca" / "bundle.pem"

    @property
    def server_certificate(self) -> Path:
        return self.root / "tls" / "server.pem"

    @property
    def server_key(self) -> Path:
        return self.root / "tls" / "server.key"

    @property
    def tunnel_authority(self) -> Path:
        return self.root / "tls" / "tunnel-ca.pem"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def connector(self) -> Path:
        return self.root / "connector"

    @property
    def on_premise(self) -> Path:
        return self.root / "on-premise"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def run(self) -> Path:
        return self.root / "run"

    def database_url(self, service: str) -> str:
        """Return the SQLAlchemy URL of one service's database: of PostgreSQL if the environment says so."""
        given = os.environ.get(DATABASE_URL)
        if given:
            if "{service}" not in given:
                raise StateUnusable(f"{DATABASE_URL} must hold {{service}}: each service has a database of its own")
            return given.replace("{service}", service).replace("postgresql://", "postgresql+asyncpg://", 1)
        return f"sqlite+aiosqlite:///{self.data / f'{service}.db'}"


def open_state(root: Path) -> StateFolder:
    """Return the state folder, created if missing."""
    state = StateFolder(root.resolve())
    try:
        for folder in (
            state.root,
            state.ca_certificate.parent,
            state.server_certificate.parent,
            state.data,
            state.connector,
            state.on_premise,
            state.run,
        ):
            private_folder(folder)
        # The folder is often inside a repository, and its secrets must never get into one.
        write_private(state.root / ".gitignore", b"*\n")
    except OSError as error:
        raise StateUnusable(f"{state.root} cannot be used: {error}") from error
    return state


@contextmanager
def held(state: StateFolder) -> Iterator[None]:
    """Hold the state folder, or raise if a running landscape does."""
    descriptor = os.open(state.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise AlreadyRunning(
                f"`entryway up` runs already with {state.root} (process {holder}); stop it first"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_held(state: StateFolder) -> bool:
    """Return whether a running landscape holds the folder."""
    try:
        descriptor = os.open(state.lock_file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
