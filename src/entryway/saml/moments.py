"""Points in time as SAML writes them: xs:dateTime in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from entryway.saml.errors import SamlInvalid

# Clocks of two organisations differ, and no honest one by more.
SKEW = timedelta(seconds=60)
_DATE_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,12})?(Z|\+00:00)")


def write(moment: datetime) -> str:
    """Return a moment as SAML wants it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text: str) -> datetime:
    """Return the moment, or raise; without a time zone nobody can say which one is meant."""
    found = _DATE_TIME.fullmatch(text.strip())
    if found is None or not text.isascii():
        raise SamlInvalid("a time is not an xs:dateTime in UTC")
    try:
        whole = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError as error:
        raise SamlInvalid("a time does not exist") from error
    return whole + timedelta(seconds=float(found[2])) if found[2] else whole


def read_optional(text: str | None) -> datetime | None:
    """Return the moment of an attribute that may be missing."""
    return None if text is None else read(text)
