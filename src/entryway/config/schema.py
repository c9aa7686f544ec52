"""From what pydantic says about a document to mistakes in our words: every one of them, each with its place.

The sentences are the ones that authors of these files know from elsewhere; search engines find them.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from entryway.config.mistakes import Mistake


class Document(BaseModel):
    """A part of a JSON document: names in camel case, no conversion of types, no key that we do not know."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)


class _Null:
    """What `null` becomes where it must be told from a key that is not there."""

    def __repr__(self) -> str:
        return "null"


_NULL = _Null()


class JsonDocument(Document):
    """A document in which a key that is there has a value: `null` is none."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_null(cls, content: Any) -> Any:
        if isinstance(content, dict) and None in content.values():
            return {key: _NULL if value is None else value for key, value in content.items()}
        return content


class OpenDocument(JsonDocument):
    """A document that may hold keys that nobody reads; they are warned of."""

    model_config = ConfigDict(extra="allow")


Model = TypeVar("Model", bound=Document)

_INTEGER = re.compile(r"-?[0-9]+")

EXPECTED = {
    "string_type": "string",
    "bool_type": "boolean",
    "int_type": "integer",
    "int_from_float": "integer",
    "float_type": "number",
    "list_type": "array",
    "tuple_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
}


def check(model: type[Model], document: Any, file: str, path: str = "") -> tuple[Model | None, list[Mistake]]:
    """Return the document as a model, or None if it is none, and every mistake in it."""
    try:
        found = model.model_validate(document)
    except ValidationError as refused:
        return None, [_mistake(error, model, file, path) for error in refused.errors(include_url=False)]
    rule = "the key is not known, and has no effect"
    return found, [Mistake(file, path + pointer(place), rule, severity="warning") for place in _unread(found, [])]


def _unread(value: Any, place: list[str | int]) -> Iterator[list[str | int]]:
    """Name the keys that open documents hold and nobody reads."""
    if isinstance(value, OpenDocument):
        yield from ([*place, name] for name in value.model_extra or {})
    if isinstance(value, Document):
        for name, field in type(value).model_fields.items():
            yield from _unread(getattr(value, name), [*place, field.alias or name])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unread(item, [*place, index])


def _mistake(error: ErrorDetails, model: type[Document], file: str, path: str) -> Mistake:
    # A part of a place in angle brackets names the alternative of a union that was tried; it is not in the file.
    # (A key that is not known may well begin with a bracket, and comes last.)
    *way, last = error["loc"] or ("",)
    place = [part for part in way if not str(part).startswith("<")]
    if error["loc"] and (error["type"] in {"missing", "extra_forbidden"} or not str(last).startswith("<")):
        place.append(last)
    rule, suggestion = _rule(error), _instead(error)
    if error["type"] == "missing":
        place = place[:-1]
    if error["type"] == "extra_forbidden":
        suggestion = did_you_mean(str(place[-1]), _known_keys(model, place[:-1]))
    return Mistake(file, path + pointer(place), rule, suggestion)


def _rule(error: ErrorDetails) -> str:  # noqa: C901, PLR0911 - one sentence for each kind
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    if kind in EXPECTED:
        return wrong_type(given, EXPECTED[kind])
    match kind:
        case "extra_forbidden":
            return "Additional properties not allowed"
        case "missing":
            return f"Missing required property: {error['loc'][-1]}"
        case "literal_error" if given is _NULL:
            return wrong_type(given, "string")
        case "literal_error" | "enum":
            return f"No enum match for: {json.dumps(given)}"
        case "greater_than_equal":
            return f"Value {given} is less than minimum {context['ge']}"
        case "less_than_equal":
            return f"Value {given} is greater than maximum {context['le']}"
        case "too_short":
            return f"Array is too short ({context['actual_length']}), minimum {context['min_length']}"
        case "too_long":
            return f"Too many properties defined ({context['actual_length']}), maximum {context['max_length']}"
        case "string_too_short":
            return f"String is too short ({len(given)} chars), minimum {context['min_length']}"
        case "wrong_type":
            return wrong_type(given, error["msg"])
        case "value_error":
            return f"Format validation failed ({context['error']})"
    return error["msg"]


def _instead(error: ErrorDetails) -> str:
    """Return what was probably meant by a value of another type, or that is none of the allowed ones."""
    kind, given = error["type"], error["input"]
    if kind in {"literal_error", "enum"} and isinstance(given, str):
        allowed = re.findall(r"'([^']*)'", error.get("ctx", {}).get("expected", ""))
        return did_you_mean(given, allowed) or f"one of {', '.join(allowed)}"
    expected = EXPECTED.get(kind)
    if not isinstance(given, str):
        return ""
    if (expected == "boolean" and given in {"true", "false"}) or (expected == "integer" and _INTEGER.fullmatch(given)):
        return f"write {given} without quotes"
    return f"write {json.dumps([given], ensure_ascii=False)}" if expected == "array" else ""


def wrong_type(given: Any, expected: str) -> str:
    """Say that a value has another type than it should."""
    return f"Invalid type: {json_type(given)} (expected {expected})"


def json_type(value: Any) -> str:
    """Return what JSON calls the type of a value."""
    if isinstance(value, bool):
        return "boolean"
    if value is None or value is _NULL:
        return "null"
    names = {str: "string", int: "number", float: "number", list: "array", dict: "object"}
    return names.get(type(value), type(value).__name__)


def pointer(parts: Sequence[str | int]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return a suggestion, or nothing if no known word is near."""
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    folded = {key.lower(): key for key in known}
    return f"did you mean {folded[word.lower()]}?" if word.lower() in folded else ""


def _known_keys(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """Return the keys of the part of the document at `place`; of all candidates if it is one of several kinds."""
    models = [model]
    for part in place:
        if isinstance(part, str):
            fields = [
                field for each in models for name, field in each.model_fields.items() if part in (name, field.alias)
            ]
            models = [inner for field in fields for inner in _models_in(field.annotation)]
    return [field.alias or name for each in models for name, field in each.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
