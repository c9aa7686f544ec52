"""What the broker offers: services, plans and the ids that platforms know them by, which never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from entryway.broker.errors import BrokerRequestInvalid
from entryway.config.vcap import SERVICE_TAGS


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan of one service."""

    service: str
    service_id: str
    name: str
    id: str
    service_description: str
    description: str
    parameters: dict[str, Any]
    binding_parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The name by which the plan's offering is found."""
        return f"{self.service}/{self.name}"


_DESTINATIONS = {
    "type": "object",
    "properties": {
        "destinations": {"type": "array", "items": {"type": "object", "required": ["Name", "Type"]}},
        "existing_destinations_policy": {"enum": ["update", "fail", "ignore"]},
    },
}

_DESCRIPTOR = {"type": "object", "properties": {"xsappname": {"type": "string", "maxLength": 100}}}
_CREDENTIALS = {
    "type": "object",
    "properties": {
        "credential-type": {"enum": ["binding-secret", "x509", "instance-secret"]},
        "x509": {
            "type": "object",
            "properties": {
                "key-length": {"enum": [2048, 4096, 8192]},
                "validity": {"type": "integer", "minimum": 1},
                "validity-type": {"enum": ["DAYS", "MONTHS", "YEARS"]},
                "certificate": {"type": "string"},
                "certificate-pinning": {"type": "boolean"},
                "ensure-uniqueness": {"type": "boolean"},
                "hide-certificate": {"type": "boolean"},
            },
        },
        "hide-secret": {"enum": ["true", "false"]},
    },
}
_XSUAA_ID = "3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e01"
_XSUAA = "Users, roles and tokens for an application"

PLANS = (
    Plan(
        service="xsuaa",
        service_id=_XSUAA_ID,
        name="application",
        id="3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e02",
        service_description=_XSUAA,
        description="An application with its own scopes and roles",
        parameters=_DESCRIPTOR,
        binding_parameters=_CREDENTIALS,
    ),
    Plan(
        service="xsuaa",
        service_id=_XSUAA_ID,
        name="broker",
        id="3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e07",
        service_description=_XSUAA,
        description="A service that others have instances of, each with a client of its own",
        parameters=_DESCRIPTOR,
        binding_parameters=_CREDENTIALS,
    ),
    Plan(
        service="xsuaa",
        service_id=_XSUAA_ID,
        name="apiaccess",
        id="3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e08",
        service_description=_XSUAA,
        description="A client that may use the interfaces for administration",
        parameters={"type": "object", "additionalProperties": False},
    ),
    Plan(
        service="destination",
        service_id="3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e03",
        name="lite",
        id="3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e04",
        service_description="Where other systems are and how to log on to them",
        description="Destinations of an application and of its subaccount",
        parameters={
            "type": "object",
            "properties": {
                "HTML5Runtime_enabled": {"type": "boolean"},
                "init_data": {
                    "type": "object",
                    "properties": {"subaccount": _DESTINATIONS, "instance": _DESTINATIONS},
                },
            },
        },
    ),
    Plan(
        service="connectivity",
        service_id="3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e05",
        name="lite",
        id="3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e06",
        service_description="The way into company networks",
        description="The HTTP proxy to systems behind a connector",
        parameters={"type": "object", "additionalProperties": False},
    ),
    Plan(
        service="identity",
        service_id="3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e09",
        name="application",
        id="3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e0a",
        service_description="Logins at the identity provider",
        description="An application that users log in to by OpenID Connect",
        parameters={"type": "object", "properties": {"oauth2-configuration": {"type": "object"}}},
        binding_parameters={"type": "object", "properties": {"credential-type": {"enum": ["SECRET"]}}},
    ),
)


def find_plan(service_id: object, plan_id: object) -> Plan:
    """Return the plan that a request names."""
    for plan in PLANS:
        if (plan.service_id, plan.id) == (service_id, plan_id):
            return plan
    raise BrokerRequestInvalid("service_id and plan_id must name a service of the catalog and one of its plans")


def catalog() -> dict[str, Any]:
    """Return the catalog as platforms read it."""
    services = dict.fromkeys(plan.service for plan in PLANS)
    return {"services": [_service([plan for plan in PLANS if plan.service == name]) for name in services]}


def _service(plans: Sequence[Plan]) -> dict[str, Any]:
    service = plans[0]
    return {
        "id": service.service_id,
        "name": service.service,
        "description": service.service_description,
        "tags": list(SERVICE_TAGS[service.service]),
        "requires": [],
        "bindable": True,
        "instances_retrievable": True,
        "bindings_retrievable": True,
        "allow_context_updates": True,
        "plan_updateable": False,
        "metadata": {"displayName": service.service},
        "plans": [
            {
                "id": plan.id,
                "name": plan.name,
                "description": plan.description,
                "free": True,
                "bindable": True,
                "plan_updateable": False,
                "schemas": _schemas(plan),
            }
            for plan in plans
        ],
    }


def _schemas(plan: Plan) -> dict[str, Any]:
    draft = {"$schema": "http://json-schema.org/draft-04/schema#"}
    instance = {"parameters": draft | plan.parameters}
    schemas: dict[str, Any] = {"service_instance": {"create": instance, "update": instance}}
    if plan.binding_parameters:
        schemas["service_binding"] = {"create": {"parameters": draft | plan.binding_parameters}}
    return schemas
