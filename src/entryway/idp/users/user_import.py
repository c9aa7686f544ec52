"""Imports a table of users: all of it or nothing, and what would happen is told beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from entryway.accounts.names import comparable
from entryway.idp import tables
from entryway.idp.errors import InvalidValue
from entryway.idp.users import user_table
from entryway.idp.users.store import as_user
from entryway.idp.users.user_table import Line, Mistake

if TYPE_CHECKING:
    from entryway.idp.session_end import SessionEnd
    from entryway.idp.users.groups import Groups
    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User, UserValues
    from entryway.storage import Database

_AT_ONCE = 500
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Change:
    """One line with what becomes of it: `before` is None for a new user."""

    line: Line
    before: User | None
    values: UserValues
    groups_change: bool

    @property
    def is_needed(self) -> bool:
        return self.before is None or self.values != self.before.values or self.groups_change


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import does; nothing if there is any mistake."""

    changes: Sequence[Change] = ()
    mistakes: Sequence[Mistake] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """The first mistakes, in one line."""
        return "; ".join(f"line {one.line}: {one.message}" for one in self.mistakes[:_MOST_TOLD])

    def answer(self, *, done: bool) -> dict[str, Any]:
        """Return what whoever imports is told."""
        created = sum(change.before is None for change in self.changes)
        needed = sum(change.is_needed for change in self.changes)
        return {
            "done": done,
            "created": created,
            "changed": needed - created,
            "unchanged": len(self.changes) - needed,
            "errors": [{"line": one.line, "message": one.message} for one in self.mistakes],
        }


@dataclass(frozen=True, slots=True)
class UserImport:
    """Plans an import, and carries it out."""

    database: Database
    users: Users
    groups: Groups
    session_end: SessionEnd

    async def plan(self, content: bytes) -> Plan:
        """Return what would happen."""
        lines, mistakes = user_table.read(content)
        if not lines:
            return Plan(mistakes=[*mistakes] or [Mistake(1, "the table has no users")])
        found = await self._existing(lines)
        members = await self._groups_of([user.id for user in found.values()])
        changes, wrong = [], list(mistakes)
        for line in lines:
            user = found.get(comparable(line.user_name))
            before = user if user is not None and comparable(user.user_name) == comparable(line.user_name) else None
            try:
                values = line.values(before.values if before is not None else None)
            except InvalidValue as error:
                wrong.append(Mistake(line.line, error.detail))
                continue
            keys = {comparable(values.user_name), comparable(values.email)} - {""}
            if any(key in found and (before is None or found[key].id != before.id) for key in keys):
                wrong.append(Mistake(line.line, "another user has the name or the address"))
                continue
            held = members.get(before.id, []) if before is not None else []
            differ = line.groups is not None and _keys(held) != _keys(line.groups)
            changes.append(Change(line, before, values, differ))
        return Plan(changes, sorted(wrong, key=lambda one: one.line))

    async def carry_out(self, plan: Plan) -> list[User]:
        """Do what was planned, and return the new users; raise NameTaken if somebody took a name meanwhile."""
        needed = [change for change in plan.changes if change.is_needed]
        ids = await self._group_ids(change for change in needed if change.groups_change)
        written = await self.users.write_all(
            [
                (
                    change.before,
                    change.values,
                    [ids[key] for key in sorted(_keys(change.line.groups or ()))] if change.groups_change else None,
                )
                for change in needed
            ]
        )
        for user in written:
            if not user.values.active:
                await self.session_end.end_all(user.id)
        return [user for change, user in zip(needed, written, strict=True) if change.before is None]

    async def _group_ids(self, changes: Iterable[Change]) -> dict[str, str]:
        """Return the ids of the groups that the lines name; missing ones are created, and stay empty if it fails."""
        names = {comparable(name): name for change in changes for name in change.line.groups or ()}
        ids = {}
        for key, name in names.items():
            found = await self.groups.find_by_name(name) or await self.groups.create(name)
            ids[key] = found.id
        return ids

    async def _existing(self, lines: Sequence[Line]) -> dict[str, User]:
        """Return the users that have any of the names and addresses, by both."""
        keys = sorted({comparable(line.given.get(name) or "") for line in lines for name in ("user_name", "email")})
        row = tables.User
        found: dict[str, User] = {}
        async with self.database.read() as session:
            for start in range(0, len(keys), _AT_ONCE):
                part = [key for key in keys[start : start + _AT_ONCE] if key]
                query = select(row).where(or_(row.login_name.in_(part), row.email_key.in_(part)))
                for one in (await session.execute(query)).scalars():
                    found[one.login_name] = as_user(one)
                    if one.email_key is not None:
                        found[one.email_key] = as_user(one)
        return found

    async def _groups_of(self, user_ids: Sequence[str]) -> dict[str, list[str]]:
        ids = sorted(set(user_ids))
        held: dict[str, list[str]] = {}
        for start in range(0, len(ids), _AT_ONCE):
            found = await self.groups.of_users(ids[start : start + _AT_ONCE])
            held |= {user_id: [group.name for group in groups] for user_id, groups in found.items()}
        return held


def _keys(names: Sequence[str]) -> set[str]:
    return {comparable(name) for name in names}
