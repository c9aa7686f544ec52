"""Resources as clients send them: read against the schemas, and shown as far as was asked."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from entryway.scim.attributes import Attribute, Kind, ResourceType, Schema
from entryway.scim.errors import InvalidScimValue, InvalidSyntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST_TEXT = 4000
LONGEST_BINARY = 100_000
MOST_VALUES = 10_000

Resource = dict[str, Any]


def read(document: Any, kind: ResourceType) -> Resource:
    """Return a resource in the names of its schemas, without what only the server writes, or raise."""
    if not isinstance(document, Mapping):
        raise InvalidSyntax("the body must be a JSON object")
    _check_schemas(document.get("schemas"), kind)
    resource = _named(document, kind)
    for attribute in kind.schema.attributes:
        if attribute.default is not None:
            resource.setdefault(attribute.name, attribute.default)
    for schema in kind.schemas():
        held = resource if schema is kind.schema else resource.get(schema.id)
        if held is not None:
            _check_required(held, schema.attributes, "")
    return resource


def show(
    resource: Mapping[str, Any],
    kind: ResourceType,
    wanted: frozenset[str] = frozenset(),
    unwanted: frozenset[str] = frozenset(),
) -> Resource:
    """Return what of a resource is told: `wanted` names the only attributes, `unwanted` those to leave out.

    Both hold lower-case paths, also with the URN of their schema before them (RFC 7644 §3.9).
    """
    shown: Resource = {"schemas": _schemas_in(resource, kind)}
    for name, value in resource.items():
        extension = kind.extension(name)
        if extension is not None:
            prefix = extension.id.lower()
            content = _shown(value, extension.attributes, wanted, unwanted, prefix)
            if content:
                shown[name] = content
            continue
        attribute = kind.attribute(name)
        if attribute is not None:
            content = _shown({name: value}, (attribute,), wanted, unwanted, kind.schema.id.lower(), core=True)
            shown |= content
    return shown


def without_empty(values: Mapping[str, Any]) -> Resource:
    """Return an object without what is null, an empty text, list or object: to the protocol that is absent."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def _named(document: Mapping[Any, Any], kind: ResourceType) -> Resource:
    """Return the values by the names that the schemas have for them."""
    resource: Resource = {}
    for name, value in document.items():
        if not isinstance(name, str) or name.lower() == "schemas":
            continue
        extension = kind.extension(name)
        if extension is not None:
            _put(resource, extension.id, _extension(value, extension))
            continue
        attribute = kind.attribute(name)
        if attribute is None:
            raise InvalidScimValue(f"{name[:100]} is no attribute of {kind.name}")
        if attribute.mutability != "readOnly":
            _put(resource, attribute.name, _value(value, attribute, attribute.name))
    return resource


def _extension(value: Any, extension: Schema) -> Resource:
    if isinstance(value, Mapping):
        # Some clients name the schema inside it once more.
        value = {name: each for name, each in value.items() if str(name).lower() != "schemas"}
    return _object(value, extension.attribute, extension.id) if value is not None else {}


def _check_schemas(schemas: Any, kind: ResourceType) -> None:
    if not isinstance(schemas, list) or not all(isinstance(each, str) for each in schemas):
        raise InvalidSyntax("schemas must be a list of URNs")
    known = {schema.id.lower() for schema in kind.schemas()}
    unknown = sorted(each for each in schemas if each.lower() not in known)
    if unknown or kind.schema.id.lower() not in {each.lower() for each in schemas}:
        raise InvalidSyntax(
            f"schemas must hold {kind.schema.id}" + (f", and not {unknown[0][:200]}" if unknown else "")
        )


def _check_required(held: Mapping[str, Any], attributes: Iterable[Attribute], at: str) -> None:
    for attribute in attributes:
        value = held.get(attribute.name)
        if attribute.required and value in (None, "", []):
            raise InvalidScimValue(f"{at}{attribute.name} is required")
        if attribute.parts and value:
            for each in value if attribute.multi_valued else (value,):
                _check_required(each, attribute.parts, f"{attribute.name}.")


def _put(target: Resource, name: str, value: Any) -> None:
    # RFC 7643 §2.5: null and the empty list mean that there is nothing.
    if value is None or value in ([], {}):
        target.pop(name, None)
    else:
        target[name] = value


def _value(value: Any, attribute: Attribute, at: str) -> Any:
    if value is None:
        return None
    if not attribute.multi_valued:
        return _single(value, attribute, at)
    values = value if isinstance(value, list) else [value]
    if len(values) > MOST_VALUES:
        raise InvalidScimValue(f"{at} must not have more than {MOST_VALUES} values")
    read_values = [_single(each, attribute, at) for each in values if each is not None]
    primary = [each for each in read_values if isinstance(each, dict) and each.get("primary") is True]
    if len(primary) > 1:
        raise InvalidScimValue(f"{at} must not have more than one primary value")
    return read_values


def _single(value: Any, attribute: Attribute, at: str) -> Any:
    match attribute.kind:
        case Kind.COMPLEX:
            return _object(value, attribute.part, at)
        case Kind.BOOLEAN:
            return _boolean(value, at)
        case Kind.INTEGER | Kind.DECIMAL:
            allowed = int if attribute.kind is Kind.INTEGER else (int, float)
            if isinstance(value, bool) or not isinstance(value, allowed):
                raise InvalidScimValue(f"{at} must be a number")
            return value
    if not isinstance(value, str):
        raise InvalidScimValue(f"{at} must be a text")
    limit = LONGEST_BINARY if attribute.kind is Kind.BINARY else LONGEST_TEXT
    if len(value) > limit or "\x00" in value or any("\ud800" <= each <= "\udfff" for each in value):
        raise InvalidScimValue(f"{at} is too long, or has characters that no text has")
    if attribute.kind is Kind.BINARY:
        _check_binary(value, at)
    if attribute.kind is Kind.MOMENT:
        _check_moment(value, at)
    return value


def _object(value: Any, find: Any, at: str) -> Resource:
    if not isinstance(value, Mapping):
        raise InvalidScimValue(f"{at} must be an object")
    content: Resource = {}
    for name, each in value.items():
        part: Attribute | None = find(str(name))
        if part is None:
            raise InvalidScimValue(f"{at} has no attribute {str(name)[:100]}")
        if part.mutability != "readOnly":
            _put(content, part.name, _value(each, part, f"{at}.{part.name}"))
    return content


def _boolean(value: Any, at: str) -> bool:
    if isinstance(value, bool):
        return value
    # Some clients write it as a text.
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise InvalidScimValue(f"{at} must be true or false")


def _check_binary(value: str, at: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidScimValue(f"{at} must be base64") from error


def _check_moment(value: str, at: str) -> None:
    try:
        datetime.fromisoformat(value)
    except ValueError as error:
        raise InvalidScimValue(f"{at} must be a moment as 2030-01-31T12:00:00Z") from error


def _schemas_in(resource: Mapping[str, Any], kind: ResourceType) -> list[str]:
    return [kind.schema.id, *(each.id for each in kind.extensions if resource.get(each.id))]


def _shown(
    values: Mapping[str, Any],
    attributes: Sequence[Attribute],
    wanted: frozenset[str],
    unwanted: frozenset[str],
    prefix: str,
    *,
    core: bool = False,
) -> Resource:
    shown: Resource = {}
    for attribute in attributes:
        if attribute.name not in values or attribute.returned == "never":
            continue
        names = {f"{prefix}:{attribute.name.lower()}", *({attribute.name.lower()} if core else set())}
        value = values[attribute.name]
        if attribute.returned != "always" and (core or prefix not in wanted):
            parts = {part for name in names for part in wanted if part.startswith(f"{name}.")}
            if wanted and not names & wanted and not parts:
                continue
            if parts and not names & wanted:
                value = _only_parts(value, {part.rpartition(".")[2] for part in parts})
        if attribute.returned != "always" and (names & unwanted or (not core and prefix in unwanted)):
            continue
        left_out = {part.rpartition(".")[2] for name in names for part in unwanted if part.startswith(f"{name}.")}
        shown[attribute.name] = _without_parts(value, left_out) if left_out else value
    return shown


def _only_parts(value: Any, names: set[str]) -> Any:
    if isinstance(value, list):
        return [_only_parts(each, names) for each in value]
    return (
        {name: each for name, each in value.items() if name.lower() in names} if isinstance(value, Mapping) else value
    )


def _without_parts(value: Any, names: set[str]) -> Any:
    if isinstance(value, list):
        return [_without_parts(each, names) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {name: each for name, each in value.items() if name.lower() not in names}
