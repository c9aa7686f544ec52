"""What a backup says about itself: the digests of its parts, sealed by the master key of the landscape that made it.

Checked before anything is replaced: a file that was cut off or changed, and one whose secrets another master key
sealed, would leave a landscape that is worse than the one before.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - an exception

from entryway.storage import derive_key
from entryway.storage.backup import BackupUnusable

if TYPE_CHECKING:
    from zipfile import ZipFile

MEMBER = "manifest.json"
_LONGEST = 64 * 1024
_CHUNK = 1024 * 1024
_PURPOSE = "backup"


def write(archive: ZipFile, digests: dict[str, str], master_key: bytes) -> None:
    """Add the manifest to an archive whose parts have been written."""
    parts = json.dumps(digests, sort_keys=True)
    seal = hmac.digest(derive_key(master_key, _PURPOSE), parts.encode(), hashlib.sha256).hex()
    archive.writestr(MEMBER, json.dumps({"parts": parts, "seal": seal}))


def check(archive: ZipFile, master_keys: Sequence[bytes]) -> None:
    """Raise unless all parts are what one of these master keys has sealed; without keys, unless they are whole."""
    try:
        with archive.open(MEMBER) as member:
            manifest = json.loads(member.read(_LONGEST))
        parts, seal = str(manifest["parts"]), str(manifest["seal"])
        digests = dict(json.loads(parts))
    except (KeyError, TypeError, ValueError, BadZipFile, ZlibError, EOFError, OSError, NotImplementedError) as error:
        raise BackupUnusable("the file has no manifest; make a backup with this version") from error
    if master_keys and not any(_fits(key, parts, seal) for key in master_keys):
        raise BackupUnusable(
            "the backup was made with another master key, or was changed since; "
            "put the secrets.json in place that belongs to the backup"
        )
    if set(digests) != set(archive.namelist()) - {MEMBER} or len(archive.namelist()) != len(digests) + 1:
        raise BackupUnusable("the file has other parts than its manifest says")
    for name, expected in digests.items():
        try:
            with archive.open(name) as part:
                found = digest_of(part)
        except (BadZipFile, ZlibError, EOFError, OSError, NotImplementedError) as error:
            raise BackupUnusable(f"{name} cannot be read: {error}") from error
        if found != expected:
            raise BackupUnusable(f"{name} is not what was written")


def digest_of(part: IO[bytes]) -> str:
    """Return the digest of what is left of a part."""
    digest = hashlib.sha256()
    while chunk := part.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _fits(key: bytes, parts: str, seal: str) -> bool:
    expected = hmac.digest(derive_key(key, _PURPOSE), parts.encode(), hashlib.sha256).hex()
    return hmac.compare_digest(expected.encode(), seal.encode())
