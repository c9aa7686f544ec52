"""The HTTP side of SCIM 2.0 (RFC 7644), the same for every service but for who may call, and the collections."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from entryway.oauth import parameters
from entryway.scim import answers, patch, resources
from entryway.scim.errors import InvalidFilter, InvalidSyntax, ResourceNotFound, ScimError
from entryway.scim.queries import Query, parse_query, parse_selection
from entryway.scim.resources import Resource
from entryway.web import edge
from entryway.web.scim_answers import answer

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.scim.attributes import ResourceType
    from entryway.scim.queries import Selection

Caller = TypeVar("Caller")
Caller_contra = TypeVar("Caller_contra", contravariant=True)
MEDIA_TYPES = frozenset({"application/scim+json", "application/json"})
SEARCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@dataclass(frozen=True, slots=True)
class Stored:
    """A resource as the database has it; `content` is in the names of its schemas, with its id and without meta."""

    id: str
    content: Resource
    created: datetime
    modified: datetime
    version: int


class Collection(Protocol[Caller_contra]):
    """Where resources of one kind are kept; every method raises a ScimError for what cannot be."""

    async def page(self, caller: Caller_contra, query: Query) -> tuple[Sequence[Stored], int]:
        """Return one page of what fits, and how many fit."""
        ...

    async def resolve(self, caller: Caller_contra, resource_id: str) -> Stored:
        """Return one resource."""
        ...

    async def create(self, caller: Caller_contra, content: Resource) -> Stored:
        """Create a resource."""
        ...

    async def replace(self, caller: Caller_contra, before: Stored, content: Resource) -> Stored:
        """Write a resource anew; raise if it is not the version any more that `before` is."""
        ...

    async def delete(self, caller: Caller_contra, before: Stored) -> None:
        """Delete a resource."""
        ...


@dataclass(frozen=True, slots=True)
class ScimEndpoints(Generic[Caller]):
    """All endpoints below `path`; `authorize` returns who calls or raises."""

    url: str
    path: str
    kinds: Mapping[str, tuple[ResourceType, Collection[Caller]]]
    authorize: Callable[[Request], Awaitable[Caller]]
    # How a resource, and a change of one, are read of clients that speak another dialect.
    understood: Callable[[Any, ResourceType], Any] = lambda document, kind: document  # noqa: ARG005
    understood_patch: Callable[[Any], Any] = lambda document: document

    def routes(self) -> list[Route]:
        """Return where the endpoints answer."""
        routes = [
            Route(f"{self.path}/ServiceProviderConfig", self._config, methods=["GET"]),
            Route(f"{self.path}/ResourceTypes", self._types, methods=["GET"]),
            Route(f"{self.path}/ResourceTypes/{{name}}", self._type, methods=["GET"]),
            Route(f"{self.path}/Schemas", self._schemas, methods=["GET"]),
            Route(f"{self.path}/Schemas/{{urn}}", self._schema, methods=["GET"]),
        ]
        routes.append(Route(f"{self.path}/.search", self._search, methods=["POST"]))
        for one in self._each():
            kind = one.kind
            routes += [
                Route(f"{self.path}{kind.endpoint}", one.list, methods=["GET"]),
                Route(f"{self.path}{kind.endpoint}", one.create, methods=["POST"]),
                Route(f"{self.path}{kind.endpoint}/.search", one.search, methods=["POST"]),
                Route(f"{self.path}{kind.endpoint}/{{id:path}}", one.read, methods=["GET"]),
                Route(f"{self.path}{kind.endpoint}/{{id:path}}", one.replace, methods=["PUT"]),
                Route(f"{self.path}{kind.endpoint}/{{id:path}}", one.patch, methods=["PATCH"]),
                Route(f"{self.path}{kind.endpoint}/{{id:path}}", one.delete, methods=["DELETE"]),
            ]
        return routes

    def _each(self) -> list[_Kind[Caller]]:
        return [_Kind(self, kind, collection) for kind, collection in self.kinds.values()]

    async def _search(self, request: Request) -> Response:
        """Search resources of every kind, one kind after the other."""
        caller = await self.authorize(request)
        query = parse_query(await _search_request(request))
        shown: list[Resource] = []
        skipped, total = query.start - 1, 0
        for one in self._each():
            rest = query.count - len(shown)
            try:
                found, fitting = await one.collection.page(caller, replace(query, start=skipped + 1, count=rest))
            except InvalidFilter:
                # RFC 7644 §3.4.2.1: a kind without such an attribute has nothing that fits.
                continue
            shown += [one.shown(stored, query.selection) for stored in found]
            skipped, total = max(0, skipped - fitting), total + fitting
        return answer(answers.listed(shown, total, query.start))

    @property
    def base(self) -> str:
        """The address of the interface."""
        return f"{self.url}{self.path}"

    async def _config(self, request: Request) -> Response:
        await self.authorize(request)
        return answer(answers.service_provider_config(self.base))

    async def _types(self, request: Request) -> Response:
        await self.authorize(request)
        _refuse_filter(request)
        found = [kind.to_json(self.base) for kind, _ in self.kinds.values()]
        return answer(answers.listed(found, len(found)))

    async def _type(self, request: Request) -> Response:
        await self.authorize(request)
        found = self.kinds.get(request.path_params["name"])
        if found is None:
            raise ResourceNotFound("no such resource type")
        return answer(found[0].to_json(self.base))

    async def _schemas(self, request: Request) -> Response:
        await self.authorize(request)
        _refuse_filter(request)
        found = self._known_schemas()
        return answer(answers.listed(list(found.values()), len(found)))

    async def _schema(self, request: Request) -> Response:
        await self.authorize(request)
        found = self._known_schemas().get(request.path_params["urn"].lower())
        if found is None:
            raise ResourceNotFound("no such schema")
        return answer(found)

    def _known_schemas(self) -> dict[str, dict[str, Any]]:
        schemas = [schema for kind, _ in self.kinds.values() for schema in kind.schemas()]
        return {schema.id.lower(): schema.to_json(self.base) for schema in schemas}


@dataclass(frozen=True, slots=True)
class _Kind(Generic[Caller]):
    """The endpoints of one kind of resource."""

    scim: ScimEndpoints[Caller]
    kind: ResourceType
    collection: Collection[Caller]

    async def list(self, request: Request) -> Response:
        caller = await self.scim.authorize(request)
        return await self._page(caller, parameters.parse(request.scope["query_string"]))

    async def search(self, request: Request) -> Response:
        caller = await self.scim.authorize(request)
        return await self._page(caller, await _search_request(request))

    async def read(self, request: Request) -> Response:
        caller = await self.scim.authorize(request)
        selection = parse_selection(parameters.parse(request.scope["query_string"]))
        stored = await self.collection.resolve(caller, _id_of(request))
        if answers.unchanged(request.headers.get("if-none-match"), stored.version):
            return Response(status_code=304, headers={"etag": answers.etag(stored.version)})
        return self._single(stored, selection)

    async def create(self, request: Request) -> Response:
        caller = await self.scim.authorize(request)
        selection = parse_selection(parameters.parse(request.scope["query_string"]))
        content = resources.read(self.scim.understood(await _document(request), self.kind), self.kind)
        stored = await self.collection.create(caller, content)
        response = self._single(stored, selection, 201)
        response.headers["location"] = self._location(stored)
        return response

    async def replace(self, request: Request) -> Response:
        caller, before, selection = await self._existing(request)
        content = resources.read(self.scim.understood(await _document(request), self.kind), self.kind)
        return self._single(await self.collection.replace(caller, before, content), selection)

    async def patch(self, request: Request) -> Response:
        caller, before, selection = await self._existing(request)
        operations = patch.parse(self.scim.understood_patch(await _document(request)))
        changed = patch.apply(before.content, operations, self.kind)
        changed = {"schemas": [schema.id for schema in self.kind.schemas()], **changed}
        content = resources.read(changed, self.kind)
        return self._single(await self.collection.replace(caller, before, content), selection)

    async def delete(self, request: Request) -> Response:
        caller, before, _ = await self._existing(request)
        await self.collection.delete(caller, before)
        return Response(status_code=204)

    async def _existing(self, request: Request) -> tuple[Caller, Stored, Selection]:
        caller = await self.scim.authorize(request)
        selection = parse_selection(parameters.parse(request.scope["query_string"]))
        before = await self.collection.resolve(caller, _id_of(request))
        answers.check_match(request.headers.get("if-match"), before.version)
        return caller, before, selection

    async def _page(self, caller: Caller, given: Mapping[str, str]) -> Response:
        query = parse_query(given)
        found, total = await self.collection.page(caller, query)
        shown = [self.shown(stored, query.selection) for stored in found]
        return answer(answers.listed(shown, total, query.start))

    def _single(self, stored: Stored, selection: Selection, status: int = 200) -> Response:
        response = answer(self.shown(stored, selection), status)
        response.headers["etag"] = answers.etag(stored.version)
        return response

    def shown(self, stored: Stored, selection: Selection) -> Resource:
        """Return a resource as it is told."""
        meta = answers.meta(self.kind.name, self._location(stored), stored.created, stored.modified, stored.version)
        content = {"id": stored.id, **stored.content, "meta": meta}
        return resources.show(content, self.kind, selection.wanted, selection.unwanted)

    def _location(self, stored: Stored) -> str:
        return f"{self.scim.base}{self.kind.endpoint}/{quote(stored.id, safe='')}"


def _id_of(request: Request) -> str:
    resource_id: str = request.path_params["id"]
    if not resource_id.isprintable():
        # Some databases refuse such texts, and no id is one.
        raise ResourceNotFound("no such resource")
    return resource_id


async def _document(request: Request) -> Any:
    content = await edge.read_body(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in MEDIA_TYPES:
        raise InvalidSyntax("the body must be application/scim+json")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidSyntax("the body is not JSON") from error


async def _search_request(request: Request) -> Mapping[str, str]:
    document = await _document(request)
    schemas = document.get("schemas") if isinstance(document, dict) else None
    if not isinstance(schemas, list) or SEARCH_SCHEMA not in schemas:
        raise InvalidSyntax(f"schemas must hold {SEARCH_SCHEMA}")
    return {name: _as_text(value) for name, value in document.items()}


def _as_text(value: Any) -> str:
    # A search request writes numbers as numbers, and lists as lists.
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value)


def _refuse_filter(request: Request) -> None:
    # RFC 7644 §4: these lists are not filtered.
    if "filter" in request.query_params:
        raise FilterForbidden("this list cannot be filtered")


class FilterForbidden(ScimError):
    """Lists of types and schemas cannot be filtered."""

    code = "scim_filter_forbidden"
    status = 403
    title = "This list cannot be filtered"
