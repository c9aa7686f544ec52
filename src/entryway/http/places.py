"""Who has a place on a full port: newcomers take those of connections that owe a request."""

from __future__ import annotations

from collections.abc import Collection
from heapq import nsmallest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entryway.http.address_limit import AddressLimit
    from entryway.http.connection import ServerConnection

# Looking through all connections takes a while: under attack it is done once for so many newcomers.
PART_TO_GO = 64


class Places:
    """The connections of each address, upgraded ones included, where a limit counts them."""

    def __init__(self, limit: AddressLimit | None) -> None:
        self._limit = limit
        self._held: dict[str, set[ServerConnection]] = {}

    def take(self, connection: ServerConnection) -> bool:
        """Count a newcomer; return whether its address may have one more, if need be in the place of another."""
        if self._limit is None or (name := self._limit.counted_as(connection.peer.host)) is None:
            return True
        held = self._held.setdefault(name, set())
        held.add(connection)
        return len(held) <= self._limit.most or make_room(held, connection)

    def leave(self, connection: ServerConnection) -> None:
        """Count one less; one that has left already does not count."""
        if self._limit is None or (name := self._limit.counted_as(connection.peer.host)) is None:
            return
        held = self._held.get(name, set())
        held.discard(connection)
        if not held:
            self._held.pop(name, None)


def make_room(connections: Collection[ServerConnection], newcomer: ServerConnection) -> bool:
    """Cut off connections that owe us a request and would soonest be closed anyway; tell whether there were any.

    Whoever opens many and says little must not keep those out who have something to ask. One whose body is on its
    way goes only where nobody owes us a whole request.
    """
    owing = [each for each in connections if each is not newcomer and each.owes_a_request]
    going = nsmallest(
        1 + len(owing) // PART_TO_GO,
        owing,
        key=lambda it: (it.answering is not None, it.reader.deadline, it.reader.head_arriving),
    )
    for each in going:
        each.abort()
    return bool(going)
