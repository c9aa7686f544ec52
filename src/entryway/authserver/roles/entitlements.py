"""What role collections give: decided from values, without a database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entryway.authserver.roles.attribute_values import Given


@dataclass(frozen=True, slots=True, eq=False)
class Entitlements:
    """Everything that a user's role collections give, in all applications; another object once that has changed."""

    collections: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    attributes: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    # The groups that the identity provider told of at the last logon.
    groups: tuple[str, ...] = ()
    # Everything else that it told then.
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def attributes_in(self, application: str) -> dict[str, list[str]]:
        """Return the user's attribute values in one application."""
        return {name: list(values) for name, values in self.attributes.get(application, {}).items()}


def merge_attributes(roles: Iterable[Mapping[str, Given]]) -> Mapping[str, list[str]]:
    """Return the union of the values over all roles; one role without restriction lifts it for all.

    An attribute that only roles without any value for it restrict stays, with an empty list: to applications, an
    attribute that is not there at all means that nothing is restricted.
    """
    union: dict[str, set[str]] = defaultdict(set)
    unrestricted: set[str] = set()
    for role in roles:
        for name, values in role.items():
            if values is None:
                unrestricted.add(name)
            else:
                union[name].update(values)
    return {name: sorted(values) for name, values in sorted(union.items()) if name not in unrestricted}
