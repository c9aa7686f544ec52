"""What can go wrong, in our words.

Every error that a caller may meet derives from `EntrywayError`. It is raised where it is noticed and rendered in one
place per edge. `code` is the machine-readable name that travels in the `entryway-error` header; `status` is the HTTP
status an edge answers with; `detail` goes to the log only, never to the caller.
"""

from __future__ import annotations

from typing import ClassVar


class EntrywayError(Exception):
    """Something that a caller may be told about by `code`; the text of `detail` is for the log alone."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title


class ConfigurationError(EntrywayError):
    """The configuration cannot be used; a process that meets it at start ends with exit code 2."""

    code = "configuration_invalid"
    title = "The configuration is not valid"


class Unauthorized(EntrywayError):
    """Who is calling is not known, or not believed."""

    code = "unauthorized"
    status = 401
    title = "Please log in"


class Forbidden(EntrywayError):
    """The caller is known and may not do this."""

    code = "forbidden"
    status = 403
    title = "You may not do this"


class NotFound(EntrywayError):
    """What was asked for does not exist."""

    code = "not_found"
    status = 404
    title = "Not found"


class BadRequest(EntrywayError):
    """The request cannot be understood."""

    code = "bad_request"
    status = 400
    title = "The request could not be understood"


class Conflict(EntrywayError):
    """What should be created exists already, or stands against something that does."""

    code = "conflict"
    status = 409
    title = "It conflicts with what is there"


class TooManyRequests(EntrywayError):
    """The caller asks more often than it may; after `retry_after` seconds it may again."""

    code = "too_many_requests"
    status = 429
    title = "Too many requests; please try again later"

    def __init__(self, retry_after: int, detail: str = "") -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class DatabaseUnavailable(EntrywayError):
    """The database does not answer, or cannot write; it may soon."""

    code = "temporarily_unavailable"
    status = 503
    title = "Please try again in a moment"


class UpstreamError(EntrywayError):
    """A system behind us failed; `origin` names which."""

    code = "upstream_failed"
    status = 502
    title = "A system behind this application did not answer properly"

    def __init__(self, origin: str, detail: str = "") -> None:
        super().__init__(f"{origin}: {detail or self.title}")
        self.origin = origin


class UpstreamUnreachable(UpstreamError):
    """No connection could be made to the system behind us."""

    code = "upstream_unreachable"
    title = "A system behind this application cannot be reached"


class UpstreamTimeout(UpstreamError):
    """The system behind us took longer than the route allows."""

    code = "upstream_timeout"
    status = 504
    title = "A system behind this application took too long to answer"
