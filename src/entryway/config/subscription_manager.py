"""What the binding of a subscription manager says: its callbacks, and the certificate that it proves itself by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from entryway.config.bindings import Binding, find_service
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.subscription_callbacks import SubscriptionCallbacks, callback_path, callback_urls, dependencies_of

LABEL = "subscription-manager"
SUBSCRIPTION_PATH = "/v1.0/callback/tenants/{app_tid}"
"""Where the manager calls if its binding names no address."""
ANYTHING = "*"
ALWAYS_COMPARED = ("C", "O", "OU", "L", "CN")


@dataclass(frozen=True, slots=True)
class CertificateName:
    """A subject or issuer as such bindings write it; an attribute that it does not name must not be there."""

    attributes: Mapping[str, frozenset[str]] = field(hash=False)

    def fits(self, name: Mapping[str, frozenset[str]]) -> bool:
        """Tell whether a certificate has this name; `*` stands for whatever it has."""
        compared = {*ALWAYS_COMPARED, *self.attributes}
        return all(self._allows(attribute, name.get(attribute, frozenset())) for attribute in compared)

    def _allows(self, attribute: str, values: frozenset[str]) -> bool:
        wanted = self.attributes.get(attribute, frozenset())
        return ANYTHING in wanted or values == wanted


@dataclass(frozen=True, slots=True)
class ManagerCallbacks:
    """The paths that the manager calls, and the names in the certificate that it shows."""

    callbacks: SubscriptionCallbacks
    subject: CertificateName | None
    issuer: CertificateName | None


def read_manager_callbacks(bindings: Sequence[Binding]) -> ManagerCallbacks | None:
    """Return the callbacks, or None if no subscription manager is bound; raise with what is wrong in its binding."""
    binding = find_service(bindings, LABEL)
    if binding is None:
        return None
    urls = callback_urls(binding, "app_urls", "subscriptionCallbacks and dependenciesCallbacks")
    tenants = _url(urls, "subscriptionCallbacks") or f"https://router{SUBSCRIPTION_PATH}"
    dependencies = _url(urls, "dependenciesCallbacks") or f"https://router{SUBSCRIPTION_PATH}/dependencies"
    callbacks = SubscriptionCallbacks(
        callback_path(binding, "app_urls/dependenciesCallbacks/url", dependencies),
        callback_path(binding, "app_urls/subscriptionCallbacks/url", tenants),
        dependencies_of(bindings),
    )
    return ManagerCallbacks(
        callbacks, _name(binding, "callback_certificate_subject"), _name(binding, "callback_certificate_issuer")
    )


def _url(urls: Mapping[str, Any], name: str) -> Any:
    callback = urls.get(name)
    return callback.get("url") if isinstance(callback, dict) else callback


def _name(binding: Binding, key: str) -> CertificateName | None:
    """Return a distinguished name: `{"CN": "…", "OU": ["…"]}`, as an object or as its text."""
    value = binding.credentials.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    attributes = _attributes(value)
    if not attributes.get("CN"):
        rule = f'binding "{binding.name}": must be a JSON object with CN and the other attributes of a name'
        raise ConfigurationMistakes([Mistake(binding.file, f"{binding.path}/{key}", rule)])
    return CertificateName(attributes)


def _attributes(value: Any) -> dict[str, frozenset[str]]:
    if not isinstance(value, dict):
        return {}
    lists = {key: [values] if isinstance(values, str) else values for key, values in value.items()}
    if not all(isinstance(values, list) and all(isinstance(each, str) for each in values) for values in lists.values()):
        return {}
    return {key.upper(): frozenset(values) for key, values in lists.items()}
