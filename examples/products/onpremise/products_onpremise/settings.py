"""What this process is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REQUIRED = (
    "PORT",
    "ENTRYWAY_TLS_CERTIFICATE",
    "ENTRYWAY_TLS_KEY",
    "ENTRYWAY_CONNECTOR_CA",
    "ENTRYWAY_CONNECTOR_SUBJECT",
    "ENTRYWAY_USER_CA",
)


class SettingsError(Exception):
    """The environment does not say what this process must know."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the certificates that `connector_authority` signed, only the one of `connector_subject` may connect."""

    host: str
    port: int
    certificate: Path
    key: Path
    connector_authority: Path
    connector_subject: str
    user_authority: Path
    data: Path
    editors: Path


def read_settings(environ: Mapping[str, str], home: Path) -> Settings:
    """Return the settings, or name everything that is missing."""
    missing = [name for name in REQUIRED if not environ.get(name)]
    if missing:
        raise SettingsError(f"These environment variables must be set: {', '.join(missing)}")
    port = environ["PORT"]
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise SettingsError(f"PORT must be a port number, not {port!r}")
    return Settings(
        host=environ.get("HOST") or "localhost",
        port=int(port),
        certificate=Path(environ["ENTRYWAY_TLS_CERTIFICATE"]),
        key=Path(environ["ENTRYWAY_TLS_KEY"]),
        connector_authority=Path(environ["ENTRYWAY_CONNECTOR_CA"]),
        connector_subject=environ["ENTRYWAY_CONNECTOR_SUBJECT"],
        user_authority=Path(environ["ENTRYWAY_USER_CA"]),
        data=Path(environ.get("DATA") or home / "data"),
        editors=Path(environ.get("EDITORS") or home / "editors.txt"),
    )
