"""What platforms ask for, done once and remembered: instances and bindings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from entryway.broker.catalog import Plan, find_plan
from entryway.broker.errors import BrokerRequestInvalid, Concurrency, Gone, InstanceConflict, Missing
from entryway.broker.offerings.kind import Offering
from entryway.broker.requests import BindingRequest, InstanceRequest
from entryway.broker.store import Bound, BrokerStore, Instance
from entryway.broker.tenant import Tenant
from entryway.telemetry import get_logger

log = get_logger("broker")


@dataclass(frozen=True, slots=True)
class Broker:
    """What was done already is not done again; whoever changes anything of an instance holds it `alone` meanwhile."""

    store: BrokerStore
    offerings: Mapping[str, Offering]
    tenant: Tenant
    _busy: set[str] = field(default_factory=set)

    async def provision(self, instance_id: str, request: InstanceRequest) -> bool:
        """Create an instance; return False if exactly this one exists already."""
        plan = find_plan(request.service_id, request.plan_id)
        parameters = request.parameters or {}
        known = await self.store.find_instance(instance_id)
        if known is not None:
            if (known.service_id, known.plan_id, known.parameters) != (plan.service_id, plan.id, parameters):
                raise InstanceConflict("an instance of this id exists already with other attributes")
            return False
        zid, name = await self.tenant.zid(), request.context.instance_name
        await self.offerings[plan.key].provision(instance_id, parameters, name)
        await self.store.save_instance(Instance(instance_id, zid, plan.service_id, plan.id, name, parameters))
        log.info("instance_created", instance_id=instance_id, service=plan.service, plan=plan.name, zid=zid)
        return True

    async def update(self, instance_id: str, request: InstanceRequest) -> None:
        """Change an instance to other parameters, or give it another name."""
        known = await self.instance(instance_id)
        plan = find_plan(known.service_id, known.plan_id)
        if request.service_id != plan.service_id or request.plan_id not in {None, plan.id}:
            raise BrokerRequestInvalid("an instance keeps its service and its plan")
        parameters = known.parameters if request.parameters is None else request.parameters
        name = request.context.instance_name or known.name
        if request.parameters is not None:
            await self.offerings[plan.key].update(instance_id, parameters, name)
        elif name != known.name:
            await self.offerings[plan.key].rename(instance_id, parameters, name)
        await self.store.save_instance(Instance(instance_id, known.zid, plan.service_id, plan.id, name, parameters))
        log.info("instance_updated", instance_id=instance_id, service=plan.service)

    async def deprovision(self, instance_id: str, service_id: str | None, plan_id: str | None) -> None:
        """Delete an instance with everything it has."""
        plan = find_plan(service_id, plan_id)
        known = await self.store.find_instance(instance_id)
        if known is None:
            # A creation that failed may be remembered; the platform is done with it.
            await self.store.drop_instance(instance_id)
            raise Gone("there is no such instance")
        _check_same(known, plan)
        await self.offerings[plan.key].deprovision(instance_id)
        await self.store.drop_instance(instance_id)
        log.info("instance_deleted", instance_id=instance_id, service=plan.service)

    async def bind(self, instance_id: str, binding_id: str, request: BindingRequest) -> tuple[Bound, bool]:
        """Return the binding, and whether it is new."""
        plan = find_plan(request.service_id, request.plan_id)
        parameters = request.parameters or {}
        instance = await self.store.find_instance(instance_id)
        if instance is None:
            raise BrokerRequestInvalid("there is no such instance")
        _check_same(instance, plan)
        known = await self.store.find_binding(instance_id, binding_id)
        if known is not None and known.parameters != parameters:
            raise InstanceConflict("a binding of this id exists already with other attributes")
        # Asked for again, a binding keeps its secret; addresses and keys in it may have changed since.
        credentials = await self.offerings[plan.key].bind(instance_id, binding_id, parameters)
        bound = Bound(instance_id, binding_id, instance.zid, parameters, credentials)
        if known != bound:
            await self.store.save_binding(bound)
        if known is not None:
            return bound, False
        log.info("binding_created", instance_id=instance_id, binding_id=binding_id, service=plan.service)
        return bound, True

    async def unbind(self, instance_id: str, binding_id: str, service_id: str | None, plan_id: str | None) -> None:
        """End a binding."""
        plan = find_plan(service_id, plan_id)
        if await self.store.find_binding(instance_id, binding_id) is None:
            raise Gone("there is no such binding")
        _check_same(await self.instance(instance_id), plan)
        await self.offerings[plan.key].unbind(instance_id, binding_id)
        await self.store.drop_binding(instance_id, binding_id)
        log.info("binding_deleted", instance_id=instance_id, binding_id=binding_id, service=plan.service)

    async def instance(self, instance_id: str) -> Instance:
        """Return the instance, or raise."""
        known = await self.store.find_instance(instance_id)
        if known is None:
            raise Missing("there is no such instance")
        return known

    def remarks(self, instance: Instance) -> str:
        """Return what is without effect in the parameters of an instance."""
        return self.offerings[find_plan(instance.service_id, instance.plan_id).key].remarks(instance.parameters)

    async def binding(self, instance_id: str, binding_id: str) -> Bound:
        """Return the binding, or raise."""
        known = await self.store.find_binding(instance_id, binding_id)
        if known is None:
            raise Missing("there is no such binding")
        return known

    @contextmanager
    def alone(self, instance_id: str) -> Iterator[None]:
        """Have an instance for oneself, or raise."""
        if instance_id in self._busy:
            raise Concurrency(instance_id)
        self._busy.add(instance_id)
        try:
            yield
        finally:
            self._busy.discard(instance_id)


def _check_same(instance: Instance, plan: Plan) -> None:
    if (instance.service_id, instance.plan_id) != (plan.service_id, plan.id):
        raise BrokerRequestInvalid("the instance is of another service or plan")


def told_parameters(instance: Instance) -> dict[str, Any]:
    """Return the parameters of an instance but for the destinations: those hold passwords."""
    return {name: value for name, value in instance.parameters.items() if name != "init_data"}
