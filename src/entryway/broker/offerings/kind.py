"""What every offering can do; each call may be repeated and then does nothing new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from entryway.broker.errors import BrokerRequestInvalid


class Offering(Protocol):
    """One service that the broker offers."""

    def works_later(self, instance_id: str, parameters: Mapping[str, Any]) -> bool:
        """Return whether work on such an instance may go on after its answer; not if its parameters are mistaken."""

    def remarks(self, parameters: Mapping[str, Any]) -> str:
        """Return what is without effect in the parameters of an instance, for the people who wrote them."""

    async def provision(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        """Create what the instance needs; on failure nothing of it is left."""

    async def update(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        """Change an instance to other parameters."""

    async def rename(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        """Take note of another name, where names are of importance."""

    async def deprovision(self, instance_id: str) -> None:
        """Delete everything that the instance has."""

    async def bind(self, instance_id: str, binding_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the credentials of a new binding."""

    async def unbind(self, instance_id: str, binding_id: str) -> None:
        """End a binding."""


def check_binding_parameters(parameters: Mapping[str, Any]) -> None:
    """Return if a binding is asked for that can be given: one with a secret of its own."""
    nested = parameters.get("xsuaa", {})
    if not isinstance(nested, dict):
        raise BrokerRequestInvalid("parameters.xsuaa must be an object")
    for settings in (parameters, nested):
        kind = settings.get("credential-type", "binding-secret")
        if kind != "binding-secret":
            raise BrokerRequestInvalid(f"credential-type can only be binding-secret, not {str(kind)[:50]}")
    unknown = sorted(set(parameters) - {"xsuaa", "credential-type"})
    if unknown:
        raise BrokerRequestInvalid(f"unknown binding parameters: {', '.join(unknown)[:200]}")


def pick(credentials: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return those of the named credentials that are there."""
    return {name: credentials[name] for name in names if name in credentials}
