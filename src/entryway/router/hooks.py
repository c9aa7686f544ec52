"""Where an application's own code may step in: before the login, before a backend is asked, and after it answered.

A hook is a function or a coroutine function. It may change what it is given, and return None to go on; or return a
Response, which is the answer then. One that raises an EntrywayError refuses with that error; whatever else it raises is
its own mistake, logged, and answered 500 with the code `hook_failed`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from entryway.errors import EntrywayError
from entryway.http import OutgoingRequest, Request, Response
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.router.sessions import Login

log = get_logger("router.hooks")

Outcome: TypeAlias = Response | Awaitable[Response | None] | None


class HookFailed(EntrywayError):
    """The application's own code in the router failed."""

    code: ClassVar[str] = "hook_failed"
    status: ClassVar[int] = 500


@dataclass(frozen=True, slots=True)
class Visit:
    """What is known of a request that has been let through: by then route, user and destination are settled."""

    request: Request
    route: str
    destination: str
    login: Login | None
    """The user with name, scopes and claims; None on public routes."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """The application's own code; what is None does not exist."""

    before_login: Callable[[Request], Outcome] | None = None
    """Called for every request and every WebSocket, before anything else is decided."""
    before_backend: Callable[[OutgoingRequest, Visit], Outcome] | None = None
    """Called when every check has passed, with what the backend would be sent."""
    after_backend: Callable[[Response, Visit], Outcome] | None = None
    """Called with the backend's answer, before cookies are sorted and the router's own headers are added."""


async def ask(hook: Callable[..., Outcome], *arguments: Any) -> Response | None:
    """Call a hook, and return the answer that it gives itself, if it does."""
    name = getattr(hook, "__qualname__", repr(hook))
    try:
        outcome = hook(*arguments)
        answer = await outcome if isawaitable(outcome) else outcome
    except EntrywayError:
        raise
    except Exception as error:
        log.exception("hook_failed", hook=name)
        raise HookFailed(f"the hook {name} raised {type(error).__name__}") from error
    if answer is not None and not isinstance(answer, Response):
        raise HookFailed(f"the hook {name} returned {type(answer).__name__}, which is neither a Response nor None")
    return answer
