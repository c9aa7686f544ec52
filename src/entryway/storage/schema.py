"""What the tables of one service are: as they should be (metadata), and how they came to be (Alembic revisions)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy.schema import CreateIndex, CreateTable

from entryway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import MetaData

VERSION_TABLE = "alembic_version"


class Outcome(StrEnum):
    """What was done to a database."""

    CURRENT = "current"
    CREATED = "created"
    MIGRATED = "migrated"
    ADOPTED = "adopted"


class SchemaUnknown(ConfigurationError):
    """The database is of a newer version, of another service, or of a shape that cannot be brought to ours."""

    code = "schema_unknown"
    title = "The database is not one that this version can use"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column of sealed values; `purpose` says what the value in a row is sealed for."""

    table: str
    column: str
    purpose: Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a service; `revisions` is the folder of its Alembic revisions, numbered files.

    `sealed` is what lasts: what is sealed for minutes only ends before anybody could seal it anew.
    """

    service: str
    metadata: MetaData
    revisions: Path
    sealed: tuple[Sealed, ...] = ()

    @property
    def head(self) -> str:
        """The newest revision, read from the file without running it: most starts need no more than that."""
        newest = max(self.revisions.glob("[0-9]*.py"), key=lambda file: file.name)
        found = re.search(r'^revision: str = "([^"]+)"$', newest.read_text(encoding="utf-8"), re.MULTILINE)
        if found is None:
            message = f"{newest} does not name its revision"
            raise ValueError(message)
        return found[1]

    @property
    def baseline(self) -> str:
        """The id of a baseline that holds the metadata as it is now."""
        digest = hashlib.sha256("\n".join(_statements(self.metadata)).encode()).hexdigest()
        return f"{self.service}_baseline_{digest[:8]}"

    def is_baseline(self, revision: str) -> bool:
        """Whether this is a baseline of the service, of whatever shape."""
        return revision.startswith(f"{self.service}_baseline_")


def _statements(metadata: MetaData) -> Iterator[str]:
    for table in metadata.sorted_tables:
        yield str(CreateTable(table))
        yield from sorted(str(CreateIndex(index)) for index in table.indexes)
