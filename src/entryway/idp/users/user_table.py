"""Users as lines of a table (CSV): read and checked without touching anything, every mistake with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from entryway.accounts.names import comparable
from entryway.idp.errors import InvalidValue
from entryway.idp.users.user import UserValues

MOST_LINES = 5000
MOST_GROUPS = 1000
# The names of our own interface, and those that tables of other identity providers have.
_COLUMNS = {
    "user_name": "user_name",
    "loginname": "user_name",
    "username": "user_name",
    "email": "email",
    "mail": "email",
    "email_verified": "email_verified",
    "mailverified": "email_verified",
    "given_name": "given_name",
    "firstname": "given_name",
    "family_name": "family_name",
    "lastname": "family_name",
    "display_name": "display_name",
    "displayname": "display_name",
    "external_id": "external_id",
    "groups": "groups",
    "active": "active",
    "status": "active",
}
_ATTRIBUTE = "attribute:"
_YES, _NO = {"true", "yes", "1", "active"}, {"false", "no", "0", "inactive"}


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a line; line 1 has the names of the columns."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Line:
    """One user: only the columns that the table has; `groups` None where it has none."""

    line: int
    given: Mapping[str, Any]
    attributes: Mapping[str, list[str]]
    groups: tuple[str, ...] | None

    @property
    def user_name(self) -> str:
        name: str = self.given["user_name"]
        return name

    def values(self, before: UserValues | None) -> UserValues:
        """Return the user as the line has it: what the table does not have stays; raise InvalidValue."""
        known = before or UserValues(user_name=self.user_name)
        given = dict(self.given)
        if "email" in given and "email_verified" not in given:
            given["email_verified"] = known.email_verified and comparable(given["email"]) == comparable(known.email)
        return replace(known, **given, attributes={**known.attributes, **self.attributes})


def read(content: bytes) -> tuple[Sequence[Line], Sequence[Mistake]]:
    """Return the lines of a table, and everything that is wrong with it."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], [Mistake(1, "the table is not UTF-8")]
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    try:
        return _read(rows)
    except csv.Error as error:
        return [], [Mistake(rows.line_num, f"the table cannot be read: {error}")]


def _read(rows: Any) -> tuple[Sequence[Line], Sequence[Mistake]]:
    columns = [_column(name) for name in next(rows, [])]
    mistakes = list(_wrong_columns(columns))
    if mistakes:
        return [], mistakes
    lines: list[Line] = []
    taken: dict[str, int] = {}
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        number = rows.line_num
        if len(lines) == MOST_LINES:
            return [], [Mistake(number, f"a table has at most {MOST_LINES} users")]
        try:
            line = _line(number, columns, row)
            values = line.values(None)
        except InvalidValue as error:
            mistakes.append(Mistake(number, error.detail))
            continue
        for key in {comparable(values.user_name), comparable(values.email)} - {""}:
            if key in taken:
                mistakes.append(Mistake(number, f"line {taken[key]} has the same name or address"))
            taken[key] = number
        lines.append(line)
    return lines, mistakes


def _column(name: str) -> str:
    name = name.strip()
    if name.lower().startswith(_ATTRIBUTE):
        return _ATTRIBUTE + name[len(_ATTRIBUTE) :]
    return _COLUMNS.get(name.lower(), f"?{name}")


def _wrong_columns(columns: Sequence[str]) -> Iterator[Mistake]:
    for column in columns:
        if column.startswith("?"):
            yield Mistake(1, f"there is no column {column[1:101]!r}")
    if len(set(columns)) != len(columns):
        yield Mistake(1, "a column is there twice")
    if "user_name" not in columns:
        yield Mistake(1, "the column user_name is missing")


def _line(number: int, columns: Sequence[str], row: Sequence[str]) -> Line:
    if len(row) != len(columns):
        raise InvalidValue("line", f"has {len(row)} cells where the table has {len(columns)} columns")
    cells = dict(zip(columns, (cell.strip() for cell in row), strict=True))
    given = {
        name: _READERS.get(name, _text)(name, cell)
        for name, cell in cells.items()
        if not name.startswith(_ATTRIBUTE) and name != "groups"
    }
    attributes = {
        name.removeprefix(_ATTRIBUTE): _several(cell) for name, cell in cells.items() if name.startswith(_ATTRIBUTE)
    }
    groups = tuple(dict.fromkeys(_several(cells["groups"]))) if "groups" in cells else None
    if len(groups or ()) > MOST_GROUPS:
        raise InvalidValue("groups", f"must not be more than {MOST_GROUPS}")
    for name in groups or ():
        if len(name) > 255 or not name.isprintable():
            raise InvalidValue("groups", "must have names of at most 255 printable characters")
    return Line(number, given, attributes, groups)


def _text(name: str, cell: str) -> str | None:
    return (cell or None) if name == "external_id" else cell


def _flag(name: str, cell: str) -> bool:
    if cell.lower() in _YES:
        return True
    if cell.lower() in _NO:
        return False
    raise InvalidValue(name, "must be true or false")


_READERS: Mapping[str, Callable[[str, str], Any]] = {"active": _flag, "email_verified": _flag}


def _several(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]
