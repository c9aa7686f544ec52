"""What an application may ask of its caller, under the same names for every framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from entryway.security.context import SecurityContext
from entryway.security.identity_context import IdentityContext

AnyContext = SecurityContext | IdentityContext


@dataclass(frozen=True, slots=True)
class Rule:
    """A question about the caller; `name` is for the log."""

    name: str
    allows: Callable[[AnyContext], bool]


ANYBODY = Rule("a token", lambda _: True)


def has_scope(scope: str) -> Rule:
    """Return the rule that the caller has this scope of our own application."""
    return Rule(f"scope {scope}", lambda context: context.check_local_scope(scope))


def has_any_scope(*scopes: str) -> Rule:
    """Return the rule that the caller has one of these scopes of our own application."""
    return Rule(f"one of the scopes {', '.join(scopes)}", lambda context: any(map(context.check_local_scope, scopes)))


def has_attribute(name: str, *values: str) -> Rule:
    """Return the rule that the user's attribute has one of these values, or any value if none is named.

    A role that leaves the attribute unrestricted puts no value into the token: whoever wants to let it pass asks for a
    scope instead.
    """

    def allows(context: AnyContext) -> bool:
        held = context.get_attribute(name)
        return isinstance(held, list) and bool(held) and (not values or not set(values).isdisjoint(held))

    return Rule(f"attribute {name}" + (f" of {', '.join(values)}" if values else ""), allows)
