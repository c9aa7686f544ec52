"""How long certificates of a landscape's bindings last: processes read theirs at their start, and may run for long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entryway.config.descriptor import ServiceInstance

_MADE_FOR = {"validity", "validity-type"}
_A_YEAR = {"validity": 1, "validity-type": "YEARS"}


def lasting(instance: ServiceInstance, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a binding, which ask for a year where they ask for a certificate and say no time."""
    if instance.service == "identity" and parameters.get("credential-type") == "X509_GENERATED":
        return {**({} if _MADE_FOR & parameters.keys() else _A_YEAR), **parameters}
    if instance.service != "xsuaa" or not _asks_for_certificate(instance, parameters):
        return dict(parameters)
    wanted = parameters.get("x509") or {}
    if not isinstance(wanted, Mapping) or "certificate" in wanted or _MADE_FOR & wanted.keys():
        return dict(parameters)
    return {**parameters, "x509": {**_A_YEAR, **wanted}}


def _asks_for_certificate(instance: ServiceInstance, parameters: Mapping[str, Any]) -> bool:
    if "credential-type" in parameters:
        return bool(parameters["credential-type"] == "x509")
    # The first type that the descriptor names is the one of bindings that name none.
    oauth2 = instance.parameters.get("oauth2-configuration")
    types = oauth2.get("credential-types") if isinstance(oauth2, Mapping) else None
    return isinstance(types, list) and types[:1] == ["x509"]
