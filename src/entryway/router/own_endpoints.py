"""What the router answers itself, whatever the routes say: logins and logouts, callbacks, the way to a welcome file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from entryway.http import Headers, Request, Response
from entryway.router import csrf
from entryway.router.address import prefix_of
from entryway.router.deciding import LOGIN_START
from entryway.router.login import local_path
from entryway.router.login_start import start_login
from entryway.router.notes import Notes
from entryway.router.sessions import Session

if TYPE_CHECKING:
    from entryway.router.router import Router


async def own_endpoint(router: Router, request: Request, path: str, session: Session | None) -> Response | None:
    """Answer what is the router's own: the login's callback, the logout, the way to the welcome file."""
    if router.signin.is_callback(path) and request.method == "GET":
        arrived = await router.signin.callback(request, session)
        if arrived is not None:
            return arrived
    if router.signout.is_endpoint(path):
        return await router.signout.handle(request, session)
    for called in (router.back_channel, router.subscriptions):
        if called is not None and called.is_endpoint(request, path):
            return await called.handle(request)
    if path == LOGIN_START and router.surface.deciding is not None:
        return start_login(router, request, session)
    if path == "/" and router.surface.welcome_file is not None:
        if not csrf.is_fetch(request):
            return _welcome(request, router.surface.welcome_file)
        # Pages fetch their token here, and get the welcome file with it.
        request.target = _without_fragment(router.surface.welcome_file)
    return None


async def hosted_endpoint(router: Router, request: Request, session: Session | None, notes: Notes) -> Response | None:
    """Answer what an application of the repository wants of the router itself: its logout and welcome file."""
    hosted = await router.hosted(request, notes)
    if hosted is None:
        return None
    application, path = hosted.application, hosted.url.partition("?")[0]
    if application.signout.is_endpoint(path):
        below = "" if application.signout is router.signout else "/" + hosted.segment.strip("/")
        return await application.signout.handle(request, session, below=below)
    if path == "/" and application.welcome_file is not None:
        if not csrf.is_fetch(request):
            return _welcome(request, f"{hosted.segment}/{application.welcome_file.lstrip('/')}")
        notes.hosted = replace(hosted, url=_without_fragment(application.welcome_file))
    return None


def _without_fragment(file: str) -> str:
    """Return what a browser would ask for that is led to the welcome file: `index.html#Shell-home` is one, too."""
    return "/" + file.partition("#")[0].lstrip("/")


def _welcome(request: Request, file: str) -> Response:
    location = prefix_of(request) + local_path(file)
    return Response(302, Headers([(b"location", location.encode("latin-1"))]))
