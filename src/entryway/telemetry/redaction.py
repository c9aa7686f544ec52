"""What a log may never show.

A secret that reaches a log call is a mistake of the caller; this is the net under it, for names that are always secret.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

HIDDEN = "***"
SECRET_NAMES = frozenset(
    {
        "access_token",
        "assertion",
        "authorization",
        "client_assertion",
        "client_secret",
        "clientsecret",
        "code_verifier",
        "cookie",
        "id_token",
        "key_pem",
        "master_key",
        "pairing_token",
        "password",
        "private_key",
        "proxy_authorization",
        "refresh_token",
        "secret",
        "session_id",
        "set_cookie",
        "subject_token",
        "token",
    }
)


def without_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return the event with the values of secret names hidden, in nested mappings too."""
    for name, value in event.items():
        if is_secret(name):
            event[name] = HIDDEN
        elif value is not None and type(value) is not str and isinstance(value, Mapping):
            event[name] = _hidden_inside(value)
    return event


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Return whether a value under this name must stay out of every log."""
    return name.lower().replace("-", "_") in SECRET_NAMES


def _hidden_inside(values: Mapping[Any, Any]) -> dict[Any, Any]:
    return {
        name: HIDDEN if is_secret(str(name)) else _hidden_inside(value) if isinstance(value, Mapping) else value
        for name, value in values.items()
    }
