"""Records of the log as lines of JSON, at little cost: what all records of one event repeat is put together once."""

from __future__ import annotations

import time
from json import JSONEncoder, dumps
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, Final

from entryway.telemetry.redaction import is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

# Made once: `json.dumps` makes one for each record.
_WRITER: Final = JSONEncoder(default=str)
_OF_THE_RECORD: Final = frozenset({"part", "event", "level", "timestamp", "exc_info", "stack_info"})
_MOST_FORMS: Final = 1_000

_forms: Final[dict[tuple[str, ...], str | None]] = {}
"""Lines with gaps for the values and the time, by part, event and the values' names; None where it is not so simple."""


def as_json(record: Mapping[str, Any]) -> str:
    """Return any record as a line."""
    return _WRITER.encode(record)


def plain_line(part: str, event: str, values: Mapping[str, Any]) -> str | None:
    """Return the line that `as_json` writes of a record at level `info`; None where that is not simple."""
    key = (part, event, *values)
    form = _forms.get(key)
    if form is None and (key in _forms or (form := _learn(key)) is None):
        return None
    told = []
    for value in values.values():
        if type(value) is str:
            told.append(encode_basestring_ascii(value))
        elif value is None:
            told.append("null")
        elif type(value) is int:
            told.append(str(value))
        else:
            return None
    return form % (*told, _timestamps.now())


def _learn(key: tuple[str, ...]) -> str | None:
    part, event, *names = key
    form = None
    # What must be hidden, or stands somewhere else in a record, is for those who look at each value.
    if not any(is_secret(name) or name in _OF_THE_RECORD for name in names):
        fixed = {"event": event, "level": "info"}
        fields = [_field("part", part), *(f"{_escaped(name)}: %s" for name in names)]
        fields += [_field(name, text) for name, text in fixed.items()]
        form = f'{{{", ".join(fields)}, "timestamp": "%s"}}'
    if len(_forms) >= _MOST_FORMS:
        _forms.clear()
    _forms[key] = form
    return form


def _field(name: str, text: str) -> str:
    return f"{_escaped(name)}: {_escaped(text)}"


def _escaped(text: str) -> str:
    return dumps(text).replace("%", "%%")


class _Timestamps:
    """The time as records have it; what the same second repeats is written once."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def now(self) -> str:
        moment = time.time()
        second = int(moment)
        if second != self._second:
            self._second, self._text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._text}.{int((moment - second) * 1_000_000):06d}Z"


_timestamps: Final = _Timestamps()
