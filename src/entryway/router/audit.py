"""The audit trail: who logged in and out, and who was refused what, and why. Never a token, a cookie or a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.errors import EntrywayError
from entryway.router.errors import BasicCredentialsRequired, LoginRequired
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.http import Request
    from entryway.router.sessions import Login, Session

log = get_logger("audit")

REFUSALS = frozenset({401, 403})


def logged_in(login: Login) -> None:
    """Note that a user came."""
    log.info("login_completed", **_who(login))


def logged_out(session: Session, cause: str, request: Request | None = None) -> None:
    """Note that a session ended; the anonymous ones are nobody's business."""
    if session.login is not None:
        client = {} if request is None else {"client": request.peer.host}
        log.info("session_ended", **_who(session.login), reason=cause, **client)


def login_refused(request: Request, reason: str) -> None:
    """Note that somebody came with a name and password that the authorization server did not take."""
    log.warning("login_refused", reason=reason, client=request.peer.host)


def refused(request: Request, error: EntrywayError, session: Session | None, route: str, request_id: str) -> None:
    """Note that somebody may not do something. Who has merely not logged in yet is not refused, but asked to."""
    if error.status not in REFUSALS or isinstance(error, LoginRequired | BasicCredentialsRequired):
        return
    login = None if session is None else session.login
    log.warning(
        "refused",
        **_who(login),
        what=f"{request.method} {request.target.partition('?')[0]}",
        route=route,
        why=error.code,
        reason=error.detail,
        client=request.peer.host,
        request_id=request_id,
    )


def _who(login: Login | None) -> dict[str, str]:
    if login is None:
        return {"user": ""}
    return {"user": login.user, "tenant": str(login.claims.get("zid", ""))}
