"""The language of $batch (OData V2): multipart bodies of reads and of change sets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from products_onpremise.entities import ROOT
from products_onpremise.errors import BadQuery
from products_onpremise.operations import CHANGING, Answer, Operation

MOST_OPERATIONS = 100
BOUNDARY = re.compile(r"""^multipart/mixed\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))""", re.IGNORECASE)
BLANK_LINE = re.compile(rb"\r?\n\r?\n")
REQUEST_LINE = re.compile(r"([A-Z]{1,10}) (\S{1,8000}) HTTP/1\.1")


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Changes that happen together or not at all."""

    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class ChangeSetAnswer:
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Part:
    headers: Mapping[str, str]
    content: bytes


def parse_batch(content_type: str, body: bytes) -> tuple[Operation | ChangeSet, ...]:
    """Return the operations of a batch in their order, or raise BadQuery."""
    parts = tuple(_batch_part(part) for part in _parts(content_type, body))
    if sum(len(part.operations) if isinstance(part, ChangeSet) else 1 for part in parts) > MOST_OPERATIONS:
        raise BadQuery(f"A batch may hold at most {MOST_OPERATIONS} operations")
    return parts


def build_batch(answers: Sequence[Answer | ChangeSetAnswer], boundary: str) -> bytes:
    """Return the multipart body that carries the answers."""
    parts = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), _answer_part(each, boundary)) for each in answers)
    return parts + b"--%b--\r\n" % boundary.encode()


def _answer_part(answer: Answer | ChangeSetAnswer, boundary: str) -> bytes:
    if isinstance(answer, ChangeSetAnswer):
        inner = f"{boundary}_changes"
        return b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n%b" % (
            inner.encode(),
            build_batch(answer.answers, inner),
        )
    headers = {"DataServiceVersion": "2.0", **answer.headers, "Content-Length": str(len(answer.body))}
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" + "\r\n".join(lines)
    return head.encode() + b"\r\n\r\n" + answer.body


def _batch_part(part: Part) -> Operation | ChangeSet:
    content_type = part.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/mixed"):
        operations = tuple(_operation(inner) for inner in _parts(content_type, part.content))
        if any(operation.method not in CHANGING for operation in operations):
            raise BadQuery("A change set may hold changes only")
        return ChangeSet(operations)
    operation = _operation(part)
    if operation.method != "GET":
        raise BadQuery("A change belongs into a change set")
    return operation


def _parts(content_type: str, body: bytes) -> list[Part]:
    found = BOUNDARY.match(content_type)
    if found is None:
        raise BadQuery("The body must be multipart/mixed with a boundary")
    boundary = re.escape((found[1] or found[2]).encode())
    pieces = re.split(rb"(?:^|\r?\n)--%b(--)?[ \t]*(?:\r?\n|$)" % boundary, body)
    # split() yields text and the closing mark in turn: preamble, mark, part, mark, part, ..., "--", epilogue
    texts, marks = pieces[::2], pieces[1::2]
    if b"--" not in marks:
        raise BadQuery("The multipart body does not end")
    return [_part(text) for text in texts[1 : marks.index(b"--") + 1]]


def _part(text: bytes) -> Part:
    if text.startswith((b"\r\n", b"\n")):
        return Part({}, text.lstrip(b"\r\n"))
    head, *rest = BLANK_LINE.split(text, maxsplit=1)
    return Part(_headers(head), rest[0] if rest else b"")


def _operation(part: Part) -> Operation:
    if part.headers.get("content-type", "").split(";")[0].strip().lower() != "application/http":
        raise BadQuery("A part must be application/http")
    head, *rest = BLANK_LINE.split(part.content.lstrip(b"\r\n"), maxsplit=1)
    first, _, lines = head.partition(b"\n")
    request_line = REQUEST_LINE.fullmatch(_ascii(first).strip())
    if request_line is None:
        raise BadQuery("A part does not begin with a request line")
    path, _, query = request_line[2].partition("?")
    return Operation(request_line[1], _relative(path), query, _headers(lines), rest[0].strip() if rest else b"")


def _relative(path: str) -> str:
    """Return the path below the service, however the client wrote it."""
    _, found, below = path.partition(ROOT)
    return below if found else path.removeprefix("/")


def _headers(head: bytes) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for line in _ascii(head).splitlines():
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise BadQuery("A header of a part cannot be read")
        headers[name.strip().lower()] = value.strip()
    return headers


def _ascii(text: bytes) -> str:
    try:
        return text.decode("ascii")
    except UnicodeDecodeError as error:
        raise BadQuery("The head of a part is not ASCII") from error
