"""How errors are answered that come up before or after the router itself has a request in hand."""

from __future__ import annotations

from entryway.http import ErrorRenderer, Request, Response
from entryway.router.application import Application
from entryway.router.identifiers import new_request_id


def renderer(application: Application) -> ErrorRenderer:
    """Return what answers errors of the HTTP engine in the router's way."""
    router = application.router

    def render(request: Request | None, error: Exception) -> Response:
        request_id = new_request_id()
        response = router.responder.error(request, error, request_id)
        router.additions.add(response.headers.raw, request_id.encode())
        return response

    return render
