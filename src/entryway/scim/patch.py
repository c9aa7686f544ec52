"""PATCH (RFC 7644 §3.5.2): operations on a resource, decided without any store."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from entryway.scim.errors import Immutable, InvalidPath, InvalidScimValue, InvalidSyntax, NoTarget
from entryway.scim.filters import AttributePath, PatchPath, parse_path
from entryway.scim.matching import created_by, fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from entryway.scim.attributes import Attribute, ResourceType
    from entryway.scim.filters import Filter
    from entryway.scim.resources import Resource

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MOST_OPERATIONS = 1000
ADD, REPLACE, REMOVE = "add", "replace", "remove"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; without a path it is about the whole resource."""

    op: str
    path: PatchPath | None
    value: Any


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a path leads: an attribute in the main schema or in an extension, and a part of it."""

    extension: str
    attribute: Attribute
    part: Attribute | None
    term: Filter | None


def parse(document: Any) -> list[Operation]:
    """Return the operations of a PATCH body, or raise."""
    if not isinstance(document, Mapping):
        raise InvalidSyntax("the body must be a JSON object")
    schemas, operations = document.get("schemas"), _member(document, "Operations")
    if not isinstance(schemas, list) or PATCH_SCHEMA not in schemas:
        raise InvalidSyntax(f"schemas must hold {PATCH_SCHEMA}")
    if not isinstance(operations, list) or not 1 <= len(operations) <= MOST_OPERATIONS:
        raise InvalidSyntax(f"Operations must be a list of 1 to {MOST_OPERATIONS} operations")
    return [_operation(each) for each in operations]


def apply(resource: Resource, operations: list[Operation], kind: ResourceType) -> Resource:
    """Return the resource after all operations; whether it still fits its schemas is asked afterwards."""
    changed = copy.deepcopy(resource)
    for operation in operations:
        if operation.path is None:
            for path, value in _members(operation, kind):
                _one(changed, Operation(operation.op, path, value), kind)
        else:
            _one(changed, operation, kind)
    return changed


def _operation(document: Any) -> Operation:
    if not isinstance(document, Mapping):
        raise InvalidSyntax("an operation must be an object")
    op, path, value = _member(document, "op"), _member(document, "path"), _member(document, "value")
    # Some clients write "Add".
    op = op.lower() if isinstance(op, str) else op
    if op not in {ADD, REPLACE, REMOVE}:
        raise InvalidSyntax("op must be add, replace or remove")
    if path is not None and not isinstance(path, str):
        raise InvalidPath("the path must be a text")
    if not path and op == REMOVE:
        raise NoTarget("remove needs a path")
    if op != REMOVE and value is None and "value" not in {str(name).lower() for name in document}:
        raise InvalidScimValue(f"{op} needs a value")
    return Operation(op, parse_path(path) if path else None, value)


def _member(document: Mapping[str, Any], name: str) -> Any:
    return next((value for key, value in document.items() if str(key).lower() == name.lower()), None)


def _members(operation: Operation, kind: ResourceType) -> Iterator[tuple[PatchPath, Any]]:
    """Return what an operation without a path says, attribute by attribute."""
    if not isinstance(operation.value, Mapping):
        raise InvalidScimValue("an operation without a path needs an object as value")
    for name, value in operation.value.items():
        extension = kind.extension(str(name))
        if extension is not None:
            if not isinstance(value, Mapping):
                raise InvalidScimValue(f"{extension.id} must be an object")
            for inner, each in value.items():
                if str(inner).lower() != "schemas":
                    yield PatchPath(AttributePath(str(inner), "", extension.id)), each
        elif str(name).lower() != "schemas":
            yield parse_path(str(name)), value


def _one(resource: Resource, operation: Operation, kind: ResourceType) -> None:
    assert operation.path is not None  # noqa: S101 - apply() has seen to it
    path = operation.path.attribute
    whole = kind.extension(f"{path.schema}:{path.name}") if path.schema else None
    if whole is not None:
        _whole_extension(resource, operation, whole.id, kind)
        return
    place = _find(operation.path, kind)
    if "readOnly" in {place.attribute.mutability, place.part.mutability if place.part else ""}:
        raise Immutable(f"{place.attribute.name} is written by the server alone")
    target = resource.setdefault(place.extension, {}) if place.extension else resource
    if place.attribute.multi_valued:
        _several(target, place, operation)
    elif place.part is not None:
        _single_part(target, place, operation)
    else:
        _single(target, place.attribute, operation)
    if place.extension and not resource[place.extension]:
        del resource[place.extension]


def _whole_extension(resource: Resource, operation: Operation, urn: str, kind: ResourceType) -> None:
    if operation.op == REMOVE:
        resource.pop(urn, None)
        return
    for path, value in _members(Operation(operation.op, None, {urn: operation.value}), kind):
        _one(resource, Operation(operation.op, path, value), kind)


def _find(path: PatchPath, kind: ResourceType) -> _Place:
    named = path.attribute
    extension = kind.extension(named.schema) if named.schema else None
    if named.schema and extension is None and named.schema.lower() != kind.schema.id.lower():
        raise InvalidPath(f"{named.schema[:200]} is no schema of {kind.name}")
    attribute = extension.attribute(named.name) if extension else kind.attribute(named.name)
    if attribute is None:
        raise InvalidPath(f"{named.name[:100]} is no attribute of {kind.name}")
    wanted = path.part or named.part
    part = attribute.part(wanted) if wanted else None
    if (wanted and part is None) or (path.part and named.part):
        raise InvalidPath(f"{attribute.name} has no sub-attribute {wanted[:100]}")
    if path.term is not None and not attribute.multi_valued:
        raise InvalidPath(f"{attribute.name} has one value, and needs no filter")
    return _Place(extension.id if extension else "", attribute, part, path.term)


def _single(target: Resource, attribute: Attribute, operation: Operation) -> None:
    if operation.op == REMOVE or operation.value is None:
        target.pop(attribute.name, None)
    elif attribute.parts and isinstance(operation.value, Mapping):
        # RFC 7644 §3.5.2.3: sub-attributes that are not named stay as they are.
        target[attribute.name] = _merged(target.get(attribute.name, {}), operation.value, attribute)
    else:
        target[attribute.name] = operation.value


def _single_part(target: Resource, place: _Place, operation: Operation) -> None:
    assert place.part is not None  # noqa: S101 - the caller has seen it
    held = target.get(place.attribute.name, {})
    if operation.op == REMOVE or operation.value is None:
        held.pop(place.part.name, None)
    else:
        held[place.part.name] = operation.value
    if held:
        target[place.attribute.name] = held
    else:
        target.pop(place.attribute.name, None)


def _several(target: Resource, place: _Place, operation: Operation) -> None:
    name, held = place.attribute.name, target.get(place.attribute.name, [])
    if place.term is None and place.part is None:
        held = _whole_list(held, place.attribute, operation)
    else:
        held = _fitting(held, place, operation)
    if held:
        target[name] = held
    else:
        target.pop(name, None)


def _whole_list(held: list[Any], attribute: Attribute, operation: Operation) -> list[Any]:
    given = operation.value if isinstance(operation.value, list) else [operation.value]
    given = [_merged({}, each, attribute) if isinstance(each, Mapping) else each for each in given if each is not None]
    if operation.op == REPLACE:
        return given
    if operation.op == REMOVE:
        # Not in the standard, and what some clients send: which values to remove.
        return [each for each in held if not _named(each, given)] if given else []
    return _one_primary(held, [each for each in given if each not in held])


def _named(value: Any, given: list[Any]) -> bool:
    if isinstance(value, Mapping):
        return any(
            isinstance(each, Mapping) and each.get("value") is not None and each["value"] == value.get("value")
            for each in given
        )
    return value in given


def _fitting(held: list[Any], place: _Place, operation: Operation) -> list[Any]:
    term, attribute = place.term, place.attribute
    chosen = [index for index, each in enumerate(held) if term is None or fits(each, term, attribute)]
    if not chosen and operation.op == ADD and (made := created_by(term)) is not None:
        held, chosen = [*held, _merged({}, made, attribute)], [len(held)]
    if not chosen and term is not None:
        raise NoTarget(f"no value of {attribute.name} fits the path")
    changed = [copy.deepcopy(each) for each in held]
    for index in chosen:
        changed[index] = _changed(changed[index], place, operation)
    kept = [each for each in changed if each not in (None, {})]
    return _one_primary([], kept, first=[changed[index] for index in chosen])


def _changed(value: Any, place: _Place, operation: Operation) -> Any:
    if place.part is None:
        if operation.op == REMOVE:
            return None
        if isinstance(operation.value, Mapping):
            return _merged(value if isinstance(value, Mapping) else {}, operation.value, place.attribute)
        return operation.value
    if not isinstance(value, dict):
        raise InvalidPath(f"{place.attribute.name} has no sub-attributes")
    if operation.op == REMOVE or operation.value is None:
        value.pop(place.part.name, None)
    else:
        value[place.part.name] = operation.value
    return value


def _merged(held: Mapping[str, Any], given: Mapping[str, Any], attribute: Attribute) -> Resource:
    merged = dict(held)
    for name, value in given.items():
        part = attribute.part(str(name))
        if part is None:
            raise InvalidScimValue(f"{attribute.name} has no sub-attribute {str(name)[:100]}")
        merged[part.name] = value
    return merged


def _one_primary(held: list[Any], given: list[Any], first: list[Any] | None = None) -> list[Any]:
    """Return both lists; a value that becomes the primary one takes that from the others (RFC 7644 §3.5.2)."""
    newest = [each for each in (given if first is None else first) if isinstance(each, Mapping)]
    if not any(each.get("primary") is True for each in newest):
        return [*held, *given]
    everything = [*held, *given]
    return [
        {**each, "primary": False}
        if isinstance(each, Mapping) and each.get("primary") is True and each not in newest
        else each
        for each in everything
    ]
