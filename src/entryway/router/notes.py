"""What is noted of a request on its way: for the access log, the error's answer, and the application's own hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.router.hooks import Visit

if TYPE_CHECKING:
    from entryway.errors import EntrywayError
    from entryway.http import Request
    from entryway.router.hosted_applications import Hosted
    from entryway.router.routes import ServedRoute
    from entryway.router.sessions import Session


class Notes:
    """What became known of one request so far."""

    # Defaults of the class: a request sets only what concerns it.
    served: ServedRoute
    """Set as soon as a route takes the request."""
    route = ""
    destination = ""
    hooked = False
    """Whether the application's own code gave the answer."""
    backend = 0.0
    """Seconds from asking the backend to the head of its answer."""
    tokens = 0.0
    """Seconds until it was known where the backend is and how to log on to it."""
    granted: tuple[tuple[bytes, bytes], ...] = ()
    """Headers that let a page of another origin read the answer, errors included."""
    for_registry = False
    """Whether the SaaS registry gets the answer, which shows it in no frame."""
    hosted: Hosted | None = None
    placed = False
    """Whether it has been asked which application has the request."""
    error: EntrywayError | None = None
    session: Session | None = None

    def visit(self, request: Request) -> Visit:
        """Return what hooks may know."""
        return Visit(request, self.route, self.destination, None if self.session is None else self.session.login)
