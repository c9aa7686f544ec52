"""Lists in pieces: the database reads the piece and counts the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVarTuple

from sqlalchemy import func

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy import Row, Select
    from sqlalchemy.ext.asyncio import AsyncSession

# From here on, rows that are passed over are passed over in an index, without being read.
FAR = 1000
Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is wanted; without a limit, all of it from `offset` on."""

    offset: int = 0
    limit: int | None = None


ALL = Window()


async def page_of(
    session: AsyncSession,
    fitting: Select[*Columns],
    order: Sequence[Any],
    window: Window,
    *,
    key: Any = None,
    count: Callable[[], Awaitable[int]] | None = None,
) -> tuple[Sequence[Row[*Columns]], int]:
    """Return the rows of a part of what fits, and how many fit; `order` must leave no two rows equal.

    `key` identifies a row, for lists that are long; `count` says how many fit where that is known more cheaply.
    """
    found: Sequence[Row[*Columns]] = ()
    if window.limit != 0:
        part = fitting.order_by(*order).offset(window.offset).limit(window.limit)
        if key is not None and window.offset >= FAR:
            part = fitting.where(key.in_(part.with_only_columns(key))).order_by(*order)
        found = (await session.execute(part)).all()
        if (found or window.offset == 0) and (window.limit is None or len(found) < window.limit):
            # The end is in sight, so that nothing has to be counted.
            return found, window.offset + len(found)
    if count is not None:
        return found, await count()
    counted = fitting.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
    return found, (await session.execute(counted)).scalar_one()
