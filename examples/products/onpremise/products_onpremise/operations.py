"""One OData operation, whether it came alone or inside a batch, and the answer to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from products_onpremise.entities import ENTITY_TYPES, EntityType
from products_onpremise.errors import BadQuery, NoSuchResource

PATH = re.compile(r"(?P<set>\w+)(?:\((?:(?P<name>\w+)=)?'(?P<key>(?:[^']|'')*)'\))?(?P<count>/\$count)?/?")
READING = frozenset({"GET", "HEAD"})
CHANGING = frozenset({"MERGE", "PATCH", "PUT"})


@dataclass(frozen=True, slots=True)
class Operation:
    """`path` is relative to the service and still percent-encoded, `query` is the text after the question mark."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resource:
    """A set, or with `key` one entity of it; `count` asks for the number alone."""

    entity_type: EntityType
    key: str | None
    count: bool


def parse_resource(path: str) -> Resource:
    """Return what a path names, or raise NoSuchResource."""
    try:
        text = unquote(path, errors="strict")
    except UnicodeDecodeError as error:
        raise BadQuery("The path is not UTF-8") from error
    found = PATH.fullmatch(text)
    entity_type = ENTITY_TYPES.get(found["set"]) if found else None
    if found is None or entity_type is None:
        raise NoSuchResource(f"There is no resource {text!r}")
    if found["name"] not in {None, entity_type.key}:
        raise BadQuery(f"The key of {entity_type.name} is {entity_type.key}")
    key = found["key"]
    if key is not None and found["count"]:
        raise NoSuchResource("One entity has no $count")
    return Resource(entity_type, None if key is None else key.replace("''", "'"), found["count"] is not None)
