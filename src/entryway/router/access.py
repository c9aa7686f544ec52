"""Who may use a route: a user who has logged in, with one of the scopes."""

from __future__ import annotations

from entryway.router.errors import InsufficientScope, LoginRequired, SessionStoreUnavailable
from entryway.router.routes import ServedRoute
from entryway.router.sessions import Login, Session


def authenticate(served: ServedRoute, session: Session | None) -> Login | None:
    """Return the user of the session; a route that is not public must have one."""
    login = None if session is None else session.login
    if login is None and not served.public:
        if session is not None and session.unreachable:
            # Sending the user to a login would replace a cookie that is good again in a moment.
            raise SessionStoreUnavailable(served.label)
        raise LoginRequired(served.label)
    return login


def authorize(served: ServedRoute, method: str, login: Login | None) -> None:
    """Raise InsufficientScope unless the user has one of the scopes that the route requires for the method."""
    if served.public:
        return
    required = served.method_scopes.get(method, served.default_scopes)
    if required is None:
        if served.unlisted_method_refused:
            raise InsufficientScope(f"{served.label}: no scope is given for {method}, and there is no default")
        return
    if login is None or required.isdisjoint(login.scopes):
        raise InsufficientScope(f"{served.label}: {method} needs one of {', '.join(sorted(required))}")
