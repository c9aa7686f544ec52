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
TENANT = re.compile(r"\{(?:tenantId|app_tid)\}")
PLATFORM_SERVICES = ("destination", "connectivity")


@dataclass(frozen=True, slots=True)
class SubscriptionCallbacks:
    """The paths that are called, and the answer to the question on what the application depends."""

    dependencies_path: re.Pattern[str] | None
    subscription_path: re.Pattern[str] | None
    dependencies: tuple[dict[str, str], ...]


def read_subscription_callbacks(bindings: Sequence[Binding]) -> SubscriptionCallbacks | None:
    """Return the callbacks, or None if no registry is bound; raise with every mistake in its binding."""
    binding = find_service(bindings, LABEL) or find_service(bindings, TAG)
    if binding is None:
        return None
    urls = callback_urls(binding, "appUrls", "getDependencies and onSubscription")
    return SubscriptionCallbacks(
        callback_path(binding, "appUrls/getDependencies", urls.get("getDependencies")),
        callback_path(binding, "appUrls/onSubscription", urls.get("onSubscription")),
        dependencies_of(bindings),
    )


def dependencies_of(bindings: Sequence[Binding]) -> tuple[dict[str, str], ...]:
    """Return the services to which a tenant must be subscribed besides the application."""
    return tuple(found for bound in bindings if (found := _dependency(bound)) is not None)


def callback_urls(binding: Binding, key: str, content: str) -> dict[str, Any]:
    """Return the addresses that a binding says will be called, which some write as a text with JSON in it."""
    value = binding.credentials.get(key, {})
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, dict):
        rule = f'binding "{binding.name}": must be a JSON object with {content}'
        raise ConfigurationMistakes([Mistake(binding.file, f"{binding.path}/{key}", rule)])
    return value


def callback_path(binding: Binding, place: str, url: Any) -> re.Pattern[str] | None:
    """Return the paths that an address means: a placeholder in it stands for one segment."""
    if url is None:
        return None
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or len(parts.path) < 2:
        rule = f'binding "{binding.name}": must be an absolute URL with a path'
        raise ConfigurationMistakes([Mistake(binding.file, f"{binding.path}/{place}", rule)])
    return re.compile("[^/]+".join(re.escape(part) for part in TENANT.split(parts.path)))


def _dependency(binding: Binding) -> dict[str, str] | None:
    for name in PLATFORM_SERVICES:
        xsappname = binding.credentials.get("xsappname")
        if (binding.label == name or name in binding.tags) and isinstance(xsappname, str):
            return {"appId": xsappname, "appName": name}
    if not is_business_service(binding) or binding.credentials.get("saasregistryenabled") is not True:
        return None
    uaa = binding.credentials.get("uaa")
    xsappname = binding.credentials.get("xsappname") or (uaa.get("xsappname") if isinstance(uaa, dict) else None)
    return {"xsappname": xsappname} if isinstance(xsappname, str) else None
