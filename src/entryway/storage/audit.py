"""The audit trail: who changed or tried what, in a table that is only ever added to.

Each entry's digest covers the entry and the digest before it, under a key that is not in the database: whoever changes,
removes or slips in an entry breaks the chain from there on, and `verify` says where.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from entryway.errors import DatabaseUnavailable
from entryway.storage.tables import AUDIT_ENTRIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.storage.database import Database
    from entryway.storage.digests import Digests
    from entryway.storage.moments import Clock

UNKNOWN_USER = "UNKNOWN_USER"
# The oldest entries were removed on purpose; the entry says up to which.
REMOVED = "EntriesRemoved"
MOST_REMEMBERED = 10_000
_FLUSHED_EVERY = 1.0
_PURPOSE = "audit-entry"
_SECRET_NAMES = ("password", "secret", "private", "assertion", "token", "passcode", "seed", "recovery")
_SECRET = "(secret)"  # noqa: S105 - what stands in place of one
_PAGE = 1000


class Category(StrEnum):
    """What an entry is about."""

    CONFIGURATION = "audit.configuration"
    SECURITY = "audit.security-events"


@dataclass(frozen=True)
class AuditEvent:
    """What happened: `object_type` and `object_id` say to what, `old` and `new` what it was and is.

    `event` is CREATE, UPDATE or DELETE for configuration, and the name of what happened for security.
    """

    category: Category
    event: str
    zid: str
    object_type: str
    object_id: str
    actor: str = UNKNOWN_USER
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def identity(self) -> Hashable:
        """What events have in common that become one entry; it costs less than to write them down."""
        what = (self.event, self.zid, self.object_type, self.object_id, self.actor, self.category)
        told = (what, tuple(self.old.items()), tuple(self.new.items()))
        try:
            hash(told)
        except TypeError:  # there are lists and the like among the values
            return what, _canonical(_content(self))
        return told


def changed(event: str, zid: str, object_type: str, object_id: str, **what: Any) -> AuditEvent:
    """Return an event of configuration: `actor`, `old` and `new` are given by name."""
    return AuditEvent(Category.CONFIGURATION, event, zid, object_type, object_id, **what)


def happened(event: str, zid: str, object_type: str, object_id: str, **what: Any) -> AuditEvent:
    """Return a security event: `actor`, `old` and `new` are given by name."""
    return AuditEvent(Category.SECURITY, event, zid, object_type, object_id, **what)


class Audit:
    """Writes the trail, in two ways: with the change it tells of, or soon after a request that changes nothing."""

    def __init__(
        self, database: Database, digests: Digests, clock: Clock, watch: Callable[[AuditEvent], None] | None = None
    ) -> None:
        self._database = database
        self._digests = digests
        self._clock = clock
        self._watch = watch
        self._remembered: Counter[Hashable] = Counter()
        self._events: dict[Hashable, AuditEvent] = {}
        self._lost = 0

    async def record(self, session: AsyncSession, *events: AuditEvent) -> None:
        """Write events in the transaction that makes the change; call it last, for it takes the chain's lock."""
        await self._append(session, [(event, 1) for event in events])

    def note(self, event: AuditEvent) -> None:
        """Remember an event until the next flush, within a second; the same one several times becomes one entry.

        For what happens with every request: a transaction for each would cost more than the request.
        """
        if self._watch is not None:
            self._watch(event)
        key = event.identity
        if key not in self._events and len(self._events) >= MOST_REMEMBERED:
            self._lost += 1
            return
        self._events[key] = event
        self._remembered[key] += 1

    async def flush(self) -> None:
        """Write what was noted."""
        events, times, lost = self._events, self._remembered, self._lost
        if not events and not lost:
            return
        self._events, self._remembered, self._lost = {}, Counter(), 0
        told = [(event, times[key]) for key, event in events.items()]
        if lost:
            told.append((happened("EntriesLost", "", "audit_entries", "", new={"count": lost}), 1))
        try:
            async with self._database.transaction() as session:
                await self._append(session, told)
        except (DatabaseUnavailable, SQLAlchemyError):
            # Not lost: they are told with the next flush.
            for key, event in events.items():
                self._events.setdefault(key, event)
            self._remembered.update(times)
            self._lost += lost
            raise

    async def run(self) -> None:
        """Flush again and again, until cancelled; a database that is away is tried again."""
        try:
            while True:
                await asyncio.sleep(_FLUSHED_EVERY)
                try:
                    await self.flush()
                except (DatabaseUnavailable, SQLAlchemyError):
                    continue
        finally:
            await self.flush()

    async def _append(self, session: AsyncSession, events: Sequence[tuple[AuditEvent, int]]) -> None:
        # One writer at a time: every entry needs the one before it.
        await self._database.lock(session, AUDIT_ENTRIES.name)
        head = select(AUDIT_ENTRIES.c.number, AUDIT_ENTRIES.c.digest).order_by(AUDIT_ENTRIES.c.number.desc()).limit(1)
        found = (await session.execute(head)).first()
        number, digest = (found.number, found.digest) if found else (0, b"")
        rows = []
        for event, times in events:
            number += 1
            content = _content(event)
            if times > 1:
                content["details"]["times"] = times
            row = {"number": number, "at": self._clock(), **content}
            row["digest"] = digest = _chained(self._digests, digest, row)
            rows.append(row)
        await session.execute(insert(AUDIT_ENTRIES), rows)


@dataclass(frozen=True, slots=True)
class Verified:
    """How much of the trail holds; `broken_at` is the first entry that does not.

    `removed` is the number of the last entry that was removed because of its age.
    """

    entries: int
    head: str
    broken_at: int | None = None
    removed: int = 0


async def verify(database: Database, digests: Digests) -> Verified:
    """Check the chain from its first entry to its last."""
    async with database.read() as session:
        removed, digest = await _removed(session)
        number = removed
        while True:
            query = select(AUDIT_ENTRIES).where(AUDIT_ENTRIES.c.number > number).order_by(AUDIT_ENTRIES.c.number)
            rows = (await session.execute(query.limit(_PAGE))).mappings().all()
            if not rows:
                return Verified(number - removed, digest.hex(), removed=removed)
            for row in rows:
                expected = _chained(digests, digest, dict(row))
                if row["number"] != number + 1 or not hmac.compare_digest(expected, row["digest"]):
                    return Verified(number - removed, digest.hex(), broken_at=number + 1, removed=removed)
                number, digest = row["number"], row["digest"]


async def _removed(session: AsyncSession) -> tuple[int, bytes]:
    """Return after which entry the chain begins, and that one's digest, as far as an entry of the chain tells it.

    What is told is not believed: the entry that tells it is checked with the others, from this digest on.
    """
    first = (await session.execute(select(func.min(AUDIT_ENTRIES.c.number)))).scalar_one()
    if first is None or first == 1:
        return 0, b""
    row = AUDIT_ENTRIES.c
    told = select(row.details).where(row.object_type == AUDIT_ENTRIES.name, row.event == REMOVED)
    found = told.where(row.object_id == str(first - 1)).order_by(row.number.desc()).limit(1)
    details = (await session.execute(found)).scalar_one_or_none()
    try:
        return (first - 1, bytes.fromhex(details["new"]["digest"])) if details is not None else (0, b"")
    except (KeyError, TypeError, ValueError):
        return 0, b""


async def entries(
    database: Database, *, zid: str | None = None, after: int = 0, limit: int = 100, newest_first: bool = False
) -> Sequence[RowMapping]:
    """Return entries of the trail after a number, of one tenant or of all."""
    order = AUDIT_ENTRIES.c.number.desc() if newest_first else AUDIT_ENTRIES.c.number
    query = select(AUDIT_ENTRIES).where(AUDIT_ENTRIES.c.number > after).order_by(order).limit(limit)
    if zid is not None:
        query = query.where(AUDIT_ENTRIES.c.zid == zid)
    async with database.read() as session:
        return (await session.execute(query)).mappings().all()


def _content(event: AuditEvent) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if event.old:
        details["old"] = without_secrets(event.old)
    if event.new:
        details["new"] = without_secrets(event.new)
    return {
        "zid": event.zid[:36],
        "category": str(event.category),
        "event": event.event[:64],
        "actor": _printable(event.actor)[:255],
        "object_type": event.object_type[:64],
        "object_id": _printable(event.object_id)[:512],
        "details": details,
    }


def without_secrets(value: Any, name: str = "") -> Any:
    """Return a value as it may be told: what is named like a secret is not."""
    if value is not None and any(part in name.lower() for part in _SECRET_NAMES) and not isinstance(value, bool | int):
        return _SECRET
    if isinstance(value, Mapping):
        return {str(key): without_secrets(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [without_secrets(item) for item in items]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _printable(str(value))


def _printable(value: str) -> str:
    # PostgreSQL refuses the character NUL, and half a surrogate pair cannot be written down at all.
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def _chained(digests: Digests, previous: bytes, row: Mapping[str, Any]) -> bytes:
    content = {name: row[name] for name in row if name not in {"digest", "at"}}
    content["at"] = row["at"].astimezone(UTC).isoformat()
    return digests.of(_PURPOSE, previous.hex(), _canonical(content))


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))
