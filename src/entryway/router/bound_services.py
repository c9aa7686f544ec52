"""The services that are bound to the router, as far as it speaks to them itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from entryway.config.bindings import (
    Binding,
    ConnectivityCredentials,
    DestinationCredentials,
    UaaCredentials,
    find_service,
    find_uaa,
)
from entryway.config.identity import IdentityCredentials, find_identity
from entryway.config.mistakes import ConfigurationMistakes, Mistake

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Services:
    """The bound services that the router speaks to."""

    uaa: UaaCredentials | None = None
    destination: DestinationCredentials | None = None
    connectivity: ConnectivityCredentials | None = None
    identity: IdentityCredentials | None = None
    unusable: bool = False
    """Whether one of them is bound with credentials that cannot be used, which is said already."""


def read_services(bindings: Sequence[Binding], environ: Mapping[str, str], mistakes: list[Mistake]) -> Services:
    """Return the services that are bound."""
    before = len(mistakes)
    uaa = collect(lambda: find_uaa(bindings, environ), None, mistakes)
    found = (
        _parsed(uaa, UaaCredentials, mistakes),
        _parsed(find_service(bindings, "destination"), DestinationCredentials, mistakes),
        _parsed(find_service(bindings, "connectivity"), ConnectivityCredentials, mistakes),
        collect(lambda: find_identity(bindings, environ), None, mistakes),
    )
    return Services(*found, unusable=len(mistakes) > before)


def _parsed(binding: Binding | None, model: type[Model], mistakes: list[Mistake]) -> Model | None:
    return None if binding is None else collect(lambda: binding.parse(model), None, mistakes)


def collect(read: Callable[[], Result], otherwise: Result, mistakes: list[Mistake]) -> Result:
    """Return what is read, or `otherwise` and the mistakes that reading came to."""
    try:
        return read()
    except ConfigurationMistakes as found:
        mistakes += found.mistakes
        return otherwise
