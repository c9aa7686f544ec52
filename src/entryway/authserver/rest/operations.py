"""An operation of an interface, and how a request finds the one that it means.

Names stand in paths percent-encoded, a slash and an exclamation mark included, so a path is taken apart before it is
decoded.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entryway.authserver import edge
from entryway.authserver.rest import paging
from entryway.errors import BadRequest, NotFound
from entryway.oauth import parameters

if TYPE_CHECKING:
    from pydantic import BaseModel
    from starlette.requests import Request

    from entryway.authserver.rest.callers import Caller, Callers
    from entryway.storage.pages import Window

METHODS = ["DELETE", "GET", "PATCH", "POST", "PUT"]
LONGEST_NAME = 255
_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, understood: who asks, the names in its path, its query, and its body as the operation has it."""

    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = None

    @property
    def zid(self) -> str:
        """The tenant that everything is about."""
        return self.caller.zone.id

    @property
    def window(self) -> Window:
        """Return the part of a list that is asked for."""
        return paging.window_of(self.query)

    def flag(self, name: str) -> bool:
        """Return a parameter of the query that is true or false."""
        value = self.query.get(name, "").lower()
        if value not in {"", "true", "false"}:
            raise BadRequest(f"{name} is true or false")
        return value == "true"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: `scope` is what its caller's token must allow."""

    method: str
    path: str
    scope: str
    summary: str
    handle: Callable[[Asked], Awaitable[Any]]
    body: type[BaseModel] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    status: int = 200

    def match(self, segments: Sequence[str]) -> Mapping[str, str] | None:
        """Return the names in a path if it is this operation's."""
        pattern = self.path.strip("/").split("/")
        if len(pattern) != len(segments):
            return None
        found: dict[str, str] = {}
        for part, segment in zip(pattern, segments, strict=True):
            parameter = _PARAMETER.fullmatch(part)
            if parameter and segment:
                found[parameter[1]] = segment
            elif part != segment:
                return None
        return found


class NoSuchPath(NotFound):
    """The interface has nothing at this path."""

    code = "path_unknown"
    title = "There is nothing at this path"


@dataclass(frozen=True, slots=True)
class Interface:
    """The operations below one prefix; a path that is written out goes before one with names in it."""

    prefix: str
    operations: Sequence[Operation]
    callers: Callers

    def routes(self) -> list[Route]:
        """Return where the interface answers."""
        return [
            Route(self.prefix, self.answer, methods=METHODS),
            Route(f"{self.prefix}/{{rest:path}}", self.answer, methods=METHODS),
        ]

    async def answer(self, request: Request) -> Response:
        """Answer a request by the operation that it means."""
        method = "GET" if request.method == "HEAD" else request.method
        segments = self._segments(request)
        matching = [(each, found) for each in self.operations if (found := each.match(segments)) is not None]
        if not matching:
            # Whoever has no token learns nothing of what is here.
            await self.callers.require(request)
            raise NoSuchPath(request.url.path)
        chosen = [(each, found) for each, found in matching if each.method == method]
        if not chosen:
            raise HTTPException(405, headers={"allow": ", ".join(sorted({each.method for each, _ in matching}))})
        operation, found = min(chosen, key=lambda each: len(each[1]))
        caller = await self.callers.require(request, operation.scope)
        query = parameters.parse(request.scope["query_string"])
        for value in (*found.values(), *(query[name] for name in operation.query if name in query)):
            _check_name(value)
        body = await edge.read_json(request, operation.body) if operation.body is not None else None
        told = await operation.handle(Asked(caller, found, query, body))
        if isinstance(told, Response):
            return told
        if told is None:
            return Response(status_code=204)
        if isinstance(told, paging.Part):
            return JSONResponse(list(told.elements), operation.status, told.headers(query))
        return JSONResponse(told, operation.status)

    def _segments(self, request: Request) -> list[str]:
        raw = request.scope.get("raw_path") or quote(request.scope["path"]).encode("ascii")
        path = raw.partition(b"?")[0].decode("latin-1")
        _, found, rest = path.partition(self.prefix)
        if not found:
            # The prefix itself was written with escapes.
            rest = quote(request.scope["path"]).partition(self.prefix)[2]
        return [unquote(segment, errors="replace") for segment in rest.strip("/").split("/")]


def _check_name(value: str) -> None:
    if not value or len(value) > LONGEST_NAME or not value.isprintable() or "\ufffd" in value:
        raise BadRequest(f"names have 1 to {LONGEST_NAME} printable characters")
