"""`/ids/Users`: the ids of users by their names, and the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from entryway.authserver import tables
from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.rest.uaa.answers import PAGE, listed
from entryway.authserver.trust.providers import IdentityProviders
from entryway.authserver.users import login_name
from entryway.errors import BadRequest
from entryway.scim.conditions import Filterable, Key, Text
from entryway.scim.errors import InvalidFilter
from entryway.scim.filters import And, Comparison, Or
from entryway.scim.queries import parse_query
from entryway.storage import Database
from entryway.storage.pages import page_of

if TYPE_CHECKING:
    from entryway.scim.filters import Filter

PREFIX = "/ids/Users"
READ_USERS = "xs_user.read"
FILTERABLE = Filterable(
    {
        "id": Text(tables.User.id),
        "username": Key(tables.User.login_name, login_name),
        "origin": Text(tables.User.origin),
    },
    frozenset(),
)


@dataclass(frozen=True, slots=True)
class UserIdOperations:
    """The lookup; who can ask for one name cannot thereby list them all."""

    database: Database
    providers: IdentityProviders

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked."""
        query = {
            "filter": "id, userName and origin, compared by eq",
            "sortOrder": "ascending or descending, by userName",
            "includeInactive": "whether users of identity providers that are switched off are listed, too",
            **PAGE,
        }
        return [Operation("GET", "/", READ_USERS, "The ids of users", self.list, query=query)]

    async def list(self, asked: Asked) -> Any:
        query, table = parse_query(asked.query), tables.User
        if query.term is None:
            raise BadRequest("filter is required: id, userName or origin, compared by eq")
        _check(query.term)
        fitting = select(table).where(table.zid == asked.zid, FILTERABLE.condition(query.term))
        if not asked.flag("includeInactive"):
            active = await self.providers.list(asked.zid, active_only=True)
            fitting = fitting.where(table.origin.in_([each.origin for each in active]))
        name = table.login_name
        by = [name.desc() if query.descending else name.asc(), table.id]
        async with self.database.read() as session:
            rows, total = await page_of(session, fitting, by, query.window, key=table.id)
        shown = [{"id": row.id, "userName": row.user_name, "origin": row.origin} for (row,) in rows]
        return listed(shown, total, query)


def _check(term: Filter) -> None:
    match term:
        case And(terms) | Or(terms):
            for each in terms:
                _check(each)
        case Comparison(_, "eq", _):
            return
        case _:
            raise InvalidFilter("ids are looked up by eq, with and and or")
