"""How the state folder is written: whole files or nothing, readable by their owner alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def private_folder(path: Path) -> Path:
    """Return the folder, created if missing, closed to everybody else."""
    path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    # mkdir is subject to the umask, and the folder may have been there with other rights.
    path.chmod(PRIVATE_FOLDER)
    return path


def write_private(path: Path, content: bytes) -> None:
    """Replace the file at once, so that a reader or a crash never sees half of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # mkstemp has given it mode 0600.
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
