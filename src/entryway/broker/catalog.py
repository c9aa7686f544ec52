"""What the broker offers: services, plans and the ids that platforms know them by, which never change."""

from __future__ import annotations

from dataclasses import dataclass
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


_DESTINATIONS = {
    "type": "object",
    "properties": {
        "destinations": {"type": "array", "items": {"type": "object", "required": ["Name", "Type"]}},
        "existing_destinations_policy": {"enum": ["update", "fail", "ignore"]},
    },
}

PLANS = (
    Plan(
        service="xsuaa",
        service_id="3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e01",
        name="application",
        id="3b5a3f5e-6a0f-4e0e-9d5e-8c1f0a6d1e02",
        service_description="Users, roles and tokens for an application",
        description="An application with its own scopes and roles",
        parameters={"type": "object", "properties": {"xsappname": {"type": "string", "maxLength": 100}}},
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
)


def find_plan(service_id: object, plan_id: object) -> Plan:
    """Return the plan that a request names."""
    for plan in PLANS:
        if (plan.service_id, plan.id) == (service_id, plan_id):
            return plan
    raise BrokerRequestInvalid("service_id and plan_id must name a service of the catalog and one of its plans")


def catalog() -> dict[str, Any]:
    """Return the catalog as platforms read it."""
    return {
        "services": [
            {
                "id": plan.service_id,
                "name": plan.service,
                "description": plan.service_description,
                "tags": list(SERVICE_TAGS[plan.service]),
                "requires": [],
                "bindable": True,
                "instances_retrievable": True,
                "bindings_retrievable": True,
                "allow_context_updates": True,
                "plan_updateable": False,
                "metadata": {"displayName": plan.service},
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
                ],
            }
            for plan in PLANS
        ]
    }


def _schemas(plan: Plan) -> dict[str, Any]:
    parameters = {"parameters": {"$schema": "http://json-schema.org/draft-04/schema#"} | plan.parameters}
    return {"service_instance": {"create": parameters, "update": parameters}}
