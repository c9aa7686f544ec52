"""The way to the login for somebody whom a proxy in front did not let through.

The proxy answers with a redirect to here. A browser keeps what stands behind `#` across redirects, so the page that is
shown here can note it, as it would have at the address itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from entryway.errors import BadRequest
from entryway.http import Request, Response
from entryway.router.address import prefix_of
from entryway.router.deciding import LOGIN_START
from entryway.router.login import local_path
from entryway.router.paths import check_path
from entryway.router.queries import read_query
from entryway.router.routes import MethodMismatch
from entryway.router.signin import redirect

if TYPE_CHECKING:
    from entryway.router.router import Router
    from entryway.router.sessions import Session


class LoginTargetMissing(BadRequest):
    """Nobody said where to go after the login."""

    code = "login_target_missing"


def login_start_for(target: str) -> str:
    """Return the address of the login for somebody who asked for `target`."""
    return f"{LOGIN_START}?to={quote(target, safe='/')}"


def start_login(router: Router, request: Request, session: Session | None) -> Response:
    """Send a browser to the login for the page in `to`; who needs none goes on to the page."""
    given = read_query(request.target).get("to", [])
    if len(given) != 1:
        raise LoginTargetMissing("the parameter to is not there once")
    target = local_path(given[0])
    check_path(target)
    match = router.routes.match("GET", target)
    served = match.match.served if isinstance(match, MethodMismatch) else match.served
    prefix = prefix_of(request)
    if served.public or (session is not None and session.login is not None):
        return redirect(prefix + target, [])
    headers = request.headers.copy()
    headers.set(b"x-forwarded-path", (prefix + target.partition("?")[0]).encode("latin-1"))
    wanted = Request(request.method, target, headers, request.body, request.peer, request.scheme)
    return router.signin.challenge(wanted, served)
