"""What the binding of a SaaS registry says: which paths the registry calls, and on which services tenants depend."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from entryway.config.bindings import Binding, find_service
from entryway.config.business_services import is_business_service
from entryway.config.mistakes import ConfigurationMistakes, Mistake

LABEL, TAG = "saas-registry", "SaaS"
TENANT = "{tenantId}"
PLATFORM_SERVICES = ("destination", "connectivity")


@dataclass(frozen=True, slots=True)
class SubscriptionCallbacks:
    """The paths that the registry calls, and the answer to its question on what the application depends."""

    dependencies_path: re.Pattern[str] | None
    subscription_path: re.Pattern[str] | None
    dependencies: tuple[dict[str, str], ...]


def read_subscription_callbacks(bindings: Sequence[Binding]) -> SubscriptionCallbacks | None:
    """Return the callbacks, or None if no registry is bound; raise with every mistake in its binding."""
    binding = find_service(bindings, LABEL) or find_service(bindings, TAG)
    if binding is None:
        return None
    urls = _urls(binding)
    return SubscriptionCallbacks(
        _path(binding, urls, "getDependencies"),
        _path(binding, urls, "onSubscription"),
        tuple(found for bound in bindings if (found := _dependency(bound)) is not None),
    )


def _urls(binding: Binding) -> dict[str, Any]:
    value = binding.credentials.get("appUrls", {})
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, dict):
        rule = f'binding "{binding.name}": must be a JSON object with getDependencies and onSubscription'
        raise ConfigurationMistakes([Mistake(binding.file, f"{binding.path}/appUrls", rule)])
    return value


def _path(binding: Binding, urls: dict[str, Any], name: str) -> re.Pattern[str] | None:
    url = urls.get(name)
    if url is None:
        return None
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or len(parts.path) < 2:
        rule = f'binding "{binding.name}": must be an absolute URL with a path'
        raise ConfigurationMistakes([Mistake(binding.file, f"{binding.path}/appUrls/{name}", rule)])
    return re.compile("[^/]+".join(re.escape(part) for part in parts.path.split(TENANT)))


def _dependency(binding: Binding) -> dict[str, str] | None:
    """Return what the registry must subscribe a tenant to besides the application."""
    for name in PLATFORM_SERVICES:
        xsappname = binding.credentials.get("xsappname")
        if (binding.label == name or name in binding.tags) and isinstance(xsappname, str):
            return {"appId": xsappname, "appName": name}
    if not is_business_service(binding) or binding.credentials.get("saasregistryenabled") is not True:
        return None
    uaa = binding.credentials.get("uaa")
    xsappname = binding.credentials.get("xsappname") or (uaa.get("xsappname") if isinstance(uaa, dict) else None)
    return {"xsappname": xsappname} if isinstance(xsappname, str) else None
