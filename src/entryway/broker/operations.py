"""Work on instances that goes on after its request is answered; a platform asks how far it is."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import ExitStack
from dataclasses import dataclass, field

from entryway.broker import failures
from entryway.broker.broker import Broker
from entryway.broker.catalog import find_plan
from entryway.broker.errors import BrokerRequestInvalid, Gone
from entryway.broker.operation_store import Kind, Operation, OperationStore
from entryway.broker.requests import InstanceRequest
from entryway.telemetry import get_logger

log = get_logger("broker")


@dataclass(frozen=True, slots=True)
class Operations:
    """Begins operations, works on them one per instance, and takes up what an earlier process left."""

    broker: Broker
    store: OperationStore
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def begin(self, kind: Kind, instance_id: str, request: InstanceRequest) -> str | None:
        """Return the id of a new operation; None if there is none to begin, and the request is answered at once.

        What is wrong with a request, as far as it can be seen before the work, is left to the work that is done at
        once, which says so.
        """
        with ExitStack() as stack:
            stack.enter_context(self.broker.alone(instance_id))
            known = await self.broker.store.find_instance(instance_id)
            if (known is None) != (kind is Kind.CREATE):
                return None
            ids = (request.service_id, request.plan_id)
            if known is not None:
                if request.service_id != known.service_id or request.plan_id not in {None, known.plan_id}:
                    return None
                ids = (known.service_id, known.plan_id)
            plan = find_plan(*ids)
            kept = {} if known is None else known.parameters
            parameters = kept if request.parameters is None else request.parameters
            if not self.broker.offerings[plan.key].works_later(instance_id, parameters):
                return None
            operation = Operation(instance_id, secrets.token_urlsafe(16), kind, request, plan.service_id, plan.id)
            await self.store.begin(operation)
            self._start(operation, stack.pop_all())
        return operation.id

    async def find(self, instance_id: str, operation_id: str | None) -> Operation | None:
        """Return the operation on an instance that is not done, or failed."""
        found = await self.store.find(instance_id)
        if found is not None and operation_id not in {None, found.id}:
            raise BrokerRequestInvalid("there is no such operation on this instance, or not any more")
        if found is None and operation_id is not None and await self.broker.store.find_instance(instance_id) is None:
            raise Gone("there is no such instance any more")
        return found

    async def resume(self) -> None:
        """Take up what was not finished when the broker stopped; every step may be done again."""
        for operation in await self.store.unfinished():
            with ExitStack() as stack:
                stack.enter_context(self.broker.alone(operation.instance_id))
                self._start(operation, stack.pop_all())

    async def stop(self) -> None:
        """Leave what is going on to the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, operation: Operation, held: ExitStack) -> None:
        task = asyncio.create_task(self._run(operation))
        self._tasks[operation.instance_id] = task

        def ended(task: asyncio.Task[None]) -> None:
            # Also where the task was cancelled before its first step.
            del self._tasks[operation.instance_id]
            held.close()
            if not task.cancelled() and (error := task.exception()):
                log.error("broker_operation_not_noted", instance_id=operation.instance_id, exc_info=error)

        task.add_done_callback(ended)

    async def _run(self, operation: Operation) -> None:
        try:
            await self._work(operation)
        except Exception as error:  # noqa: BLE001 - nobody else would tell the platform
            failed = failures.translated(error)
            failures.note(failed, error)
            await self.store.fail(operation, failures.content(failed)["description"])

    async def _work(self, operation: Operation) -> None:
        if operation.kind is Kind.CREATE:
            await self.broker.provision(operation.instance_id, operation.request)
        elif operation.kind is Kind.UPDATE:
            await self.broker.update(operation.instance_id, operation.request)
        else:
            await self.broker.deprovision(operation.instance_id, operation.service_id, operation.plan_id)
