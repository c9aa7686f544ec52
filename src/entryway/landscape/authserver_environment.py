"""What the environment tells the authorization server of the control plane: where clients come with certificates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entryway.errors import ConfigurationError

URL = "ENTRYWAY_CERTIFICATE_URL"
PROXIES = "ENTRYWAY_CERTIFICATE_PROXIES"
HEADER = "ENTRYWAY_CERTIFICATE_HEADER"
AUTHORITIES = "ENTRYWAY_CERTIFICATE_AUTHORITIES"


def certificate_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that the environment gives; those it lacks keep their defaults."""
    given: dict[str, Any] = {}
    if url := environ.get(URL):
        given["certificate_url"] = url
    if proxies := environ.get(PROXIES):
        given["certificate_proxies"] = tuple(part.strip() for part in proxies.split(",") if part.strip())
    if header := environ.get(HEADER):
        given["certificate_header"] = header.lower()
    if authorities := environ.get(AUTHORITIES):
        try:
            given["certificate_authorities"] = Path(authorities).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{AUTHORITIES}: {authorities} cannot be read: {error.strerror}") from error
    return given
