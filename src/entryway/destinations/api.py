"""The destination service over HTTP: find and consume for applications, the rest for who maintains destinations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entryway.destinations.callers import Caller, identify
from entryway.destinations.documents import Destination, parse_destination
from entryway.destinations.errors import DestinationMissing, InvalidRequest
from entryway.destinations.find import Finder, owner
from entryway.destinations.queries import ListQuery, Page, parse_list_query, parse_names
from entryway.destinations.render import answer, read_json, with_etag
from entryway.destinations.requests import parse_find_options
from entryway.destinations.store import DestinationStore, Level, Stored
from entryway.errors import EntrywayError
from entryway.security import TokenValidator
from entryway.security.bearer import bearer_token
from entryway.telemetry import get_logger

log = get_logger("destinations")

PREFIX = "/destination-configuration"
TARGET_LIMIT = 4000
BATCH_LIMIT = 1000

LevelOf = Callable[[Caller], Level]


@dataclass(frozen=True, slots=True)
class DestinationApi:
    """The requests there are."""

    store: DestinationStore
    finder: Finder
    validator: TokenValidator
    xsappname: str

    def routes(self) -> list[Route]:
        levels: Mapping[str, LevelOf] = {
            "subaccountDestinations": lambda caller: caller.subaccount,
            "instanceDestinations": lambda caller: caller.instance,
        }
        routes = [
            Route(f"{PREFIX}/v1/destinations/{{name}}", self.find, methods=["GET"]),
            Route(f"{PREFIX}/v2/destinations/{{name}}", self.consume, methods=["GET"]),
        ]
        for collection, level_of in levels.items():
            maintained = MaintainedLevel(self, level_of, collection)
            path = f"{PREFIX}/v1/{collection}"
            routes += [
                Route(path, maintained.get_all, methods=["GET"]),
                Route(path, maintained.create, methods=["POST"]),
                Route(path, maintained.replace, methods=["PUT"]),
                Route(path, maintained.drop_many, methods=["DELETE"]),
                Route(f"{path}/{{name}}", maintained.get, methods=["GET"]),
                Route(f"{path}/{{name}}", maintained.drop, methods=["DELETE"]),
            ]
        return routes

    async def find(self, request: Request) -> Response:
        """Look on the instance, then on the subaccount."""
        caller = await self.caller(request)
        options = parse_find_options(request.headers, request.query_params)
        found = await self.finder.find(caller.levels, request.path_params["name"])
        content = {"owner": owner(found, caller)} | await self.finder.answer(found, caller, options)
        return with_etag(request, found.destination.etag, content)

    async def consume(self, request: Request) -> Response:
        """Look on exactly the level that the request names."""
        caller = await self.caller(request)
        options = parse_find_options(request.headers, request.query_params)
        name, _, level = request.path_params["name"].rpartition("@")
        if not name:
            name, level = level, "instance"
        where = caller.level(level)
        if where is None:
            raise InvalidRequest("the level must be instance, subaccount, provider_instance or provider_subaccount")
        found = await self.finder.find([where], name)
        content = await self.finder.answer(found, caller, options)
        if "owner" in {request.query_params.get("$includeMetadata"), request.query_params.get("includeMetadata")}:
            owners = [{"Name": name, **owner(found, caller)}]
            told = {"owner": {"destinations": owners, "certificates": [], "fragments": []}}
            content["destinationConfiguration"]["$metadata"] = told
        return with_etag(request, found.destination.etag, content)

    async def caller(self, request: Request) -> Caller:
        """Return who asks, if it is a client of this service."""
        if len(request.url.path) + len(request.url.query) > TARGET_LIMIT:
            raise InvalidRequest(f"path and query have more than {TARGET_LIMIT} characters")
        context = await self.validator.validate_async(bearer_token(request.headers.get("authorization")))
        return identify(context, self.xsappname)


@dataclass(frozen=True, slots=True)
class MaintainedLevel:
    """The requests to the destinations of one level, without any token."""

    api: DestinationApi
    level_of: LevelOf
    collection: str

    async def get_all(self, request: Request) -> Response:
        """Return those destinations that the query asks for."""
        level = self.level_of(await self.api.caller(request))
        query = parse_list_query(request.query_params, self.api.store.now())
        known = await self.api.store.names(level)
        names = [name for name, modified_at in known if query.matches(name, modified_at)]
        if query.names_only:
            return answer([{"Name": name} for name in names])
        headers: dict[str, str] = {}
        if query.page is not None:
            headers = _page_headers(query, query.page, len(names), self.collection)
            first = (query.page.number - 1) * query.page.size
            names = names[first : first + query.page.size]
        stored = await self.api.store.load(level, names)
        return answer([_listed(entry, query) for entry in stored], headers=headers)

    async def get(self, request: Request) -> Response:
        """Return one destination as it was stored."""
        level = self.level_of(await self.api.caller(request))
        name = request.path_params["name"]
        found = await self.api.store.find(level, name)
        if found is None:
            raise DestinationMissing(name)
        return with_etag(request, found.destination.etag, dict(found.destination.properties))

    async def create(self, request: Request) -> Response:
        """Store one destination, or several, each for itself."""
        level = self.level_of(await self.api.caller(request))
        document = await read_json(request)
        if isinstance(document, list):
            return await self._each(document, level, self.api.store.create, 201)
        destination = parse_destination(document)
        await self.api.store.create(level, destination)
        log.info("destination_created", destination=destination.name, zid=level.zid, instance_id=level.instance_id)
        return Response(status_code=201)

    async def replace(self, request: Request) -> Response:
        """Overwrite one destination, or several, each for itself."""
        level = self.level_of(await self.api.caller(request))
        document = await read_json(request)
        if isinstance(document, list):
            return await self._each(document, level, self.api.store.replace, 200)
        destination = parse_destination(document)
        await self.api.store.replace(level, destination)
        log.info("destination_replaced", destination=destination.name, zid=level.zid, instance_id=level.instance_id)
        return answer({"Count": 1})

    async def drop(self, request: Request) -> Response:
        """Delete one destination."""
        level = self.level_of(await self.api.caller(request))
        name = request.path_params["name"]
        if not await self.api.store.drop(level, name):
            raise DestinationMissing(name)
        log.info("destination_deleted", destination=name, zid=level.zid, instance_id=level.instance_id)
        return answer({"Count": 1})

    async def drop_many(self, request: Request) -> Response:
        """Delete the destinations that a filter names."""
        level = self.level_of(await self.api.caller(request))
        summary = []
        for name in parse_names(request.query_params.get("$filter", "")):
            gone = await self.api.store.drop(level, name)
            summary.append({"name": name, "status": "DELETED" if gone else "NOT_FOUND"})
        deleted = sum(entry["status"] == "DELETED" for entry in summary)
        return answer({"Count": deleted, "Summary": summary})

    async def _each(self, documents: list[Any], level: Level, save: Any, success: int) -> Response:
        if not 0 < len(documents) <= BATCH_LIMIT:
            raise InvalidRequest(f"a list must hold 1 to {BATCH_LIMIT} destinations")
        results = []
        for document in documents:
            given = document.get("Name") if isinstance(document, dict) else None
            # It comes back even where it is refused, for instance because it holds half a character.
            name = given.encode("utf-8", "replace").decode() if isinstance(given, str) else None
            try:
                destination: Destination = parse_destination(document)
                await save(level, destination)
            except EntrywayError as error:
                if error.status >= 500:
                    raise
                results.append({"name": name, "status": error.status, "cause": error.detail})
            else:
                results.append({"name": destination.name, "status": success, "etag": destination.etag})
        everything = all("etag" in result for result in results)
        return answer(results, success if everything else 207)


def _listed(stored: Stored, query: ListQuery) -> dict[str, Any]:
    content: dict[str, Any] = dict(stored.destination.properties)
    if query.metadata:
        known = {"modification_time": stored.modified_at.isoformat(), "etag": stored.destination.etag}
        content["$metadata"] = {name: known[name] for name in sorted(query.metadata)}
    return content


def _page_headers(query: ListQuery, page: Page, entities: int, collection: str) -> dict[str, str]:
    pages = -(-entities // page.size)
    neighbours = {"previous": page.number - 1, "next": page.number + 1}
    links = [
        f"</{collection}?$page={number}&$pageSize={page.size}>; rel='{relation}'"
        for relation, number in neighbours.items()
        if 1 <= number <= pages
    ]
    headers = {"link": ", ".join(links)} if links else {}
    if query.page_count:
        headers["page-count"] = str(pages)
    if query.entity_count:
        headers["entity-count"] = str(entities)
    return headers
