"""What protects an application: named by it, or found in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entryway.security.bearer import Protection, Validator
from entryway.security.credentials import ServiceCredentials, find_credentials, parse_credentials
from entryway.security.validator import shared_validator

Source = Protection | Validator | ServiceCredentials | Mapping[str, Any] | None
"""What integrations take: nothing means that the binding is found in the environment."""


def protection(source: Source = None) -> Protection:
    """Return the protection that `source` stands for."""
    if isinstance(source, Protection):
        return source
    if source is None:
        return Protection(shared_validator(find_credentials()))
    if isinstance(source, ServiceCredentials):
        return Protection(shared_validator(source))
    if isinstance(source, Mapping):
        return Protection(shared_validator(parse_credentials(source)))
    return Protection(source)
