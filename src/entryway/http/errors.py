"""What a peer did wrong on the wire, and what became of a message."""

from __future__ import annotations

from typing import ClassVar

from entryway.errors import EntrywayError


class HttpError(EntrywayError):
    """The other side of a connection broke the protocol or a limit; `status` is what a server answers."""


class MalformedRequest(HttpError):
    code = "malformed_request"
    status = 400
    title = "The request is not valid HTTP"


class RequestTimedOut(HttpError):
    code = "request_timeout"
    status = 408
    title = "The request took too long to arrive"


class ContentTooLarge(HttpError):
    code = "content_too_large"
    status = 413
    title = "The request body is too large"


class TargetTooLong(HttpError):
    code = "uri_too_long"
    status = 414
    title = "The request target is too long"


class HeadersTooLarge(HttpError):
    code = "headers_too_large"
    status = 431
    title = "The request headers are too large"


class MethodUnknown(HttpError):
    code = "method_unknown"
    status = 400
    title = "The request method is not known"


class CodingUnknown(HttpError):
    code = "transfer_coding_unknown"
    status = 400
    title = "The transfer coding is not known"


class VersionUnsupported(HttpError):
    code = "http_version_unsupported"
    status = 505
    title = "The HTTP version is not supported"


class TooBusy(HttpError):
    """Every connection that may be open is open."""

    code = "too_busy"
    status = 503
    title = "The server is busy"


class AnswerTimedOut(HttpError):
    """The answer as a whole took longer than the server allows."""

    code = "answer_timeout"
    status = 504
    title = "The answer took too long"


class ClientGone(HttpError):
    """The client closed its connection; nobody will see an answer."""

    code: ClassVar[str] = "client_gone"
    status = 499


class BodyIncomplete(HttpError):
    """A body ended before the length that was declared for it, or was abandoned."""

    code = "body_incomplete"
    status = 502
