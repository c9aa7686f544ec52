"""Who is calling, for code that is far away from the request: within the request that was checked, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from entryway.security.errors import TokenMissing
from entryway.security.rules import AnyContext

_current: ContextVar[AnyContext | None] = ContextVar("entryway_security_context", default=None)


def current_context() -> AnyContext:
    """Return the context of the request that is being answered; raise TokenMissing if nobody checked one."""
    context = _current.get()
    if context is None:
        raise TokenMissing
    return context


@contextmanager
def acting_as(context: AnyContext) -> Iterator[None]:
    """Make this the current context within the block: of a request, or of a job that goes on after one."""
    before = _current.set(context)
    try:
        yield
    finally:
        _current.reset(before)
