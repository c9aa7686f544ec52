"""Where operations are kept, so that they outlive the process that works on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from entryway.broker.requests import InstanceRequest
from entryway.broker.tables import OperationRow
from entryway.storage import Database, Sealer


class Kind(StrEnum):
    """What is done to an instance."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class State(StrEnum):
    """How far an operation is, in the words that platforms read."""

    IN_PROGRESS = "in progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Operation:
    """What is being done to an instance; a deletion has a request with both ids and no more."""

    instance_id: str
    id: str
    kind: Kind
    request: InstanceRequest
    service_id: str
    plan_id: str
    state: State = State.IN_PROGRESS
    description: str = ""


@dataclass(frozen=True, slots=True)
class OperationStore:
    """Loads and saves what is not done, or failed: at most one operation of each instance."""

    database: Database
    sealer: Sealer
    now: Callable[[], datetime]

    async def find(self, instance_id: str) -> Operation | None:
        async with self.database.read() as session:
            row = await session.get(OperationRow, instance_id)
        return None if row is None else self._read(row)

    async def unfinished(self) -> Sequence[Operation]:
        """Return the operations that are neither done nor failed."""
        query = select(OperationRow).where(OperationRow.state == State.IN_PROGRESS)
        async with self.database.read() as session:
            return [self._read(row) for row in (await session.execute(query)).scalars()]

    async def begin(self, operation: Operation) -> None:
        """Store a new operation in place of the instance's last."""
        request = operation.request.model_dump_json().encode()
        row = OperationRow(
            instance_id=operation.instance_id,
            id=operation.id,
            kind=operation.kind,
            state=operation.state,
            description=operation.description,
            service_id=operation.service_id,
            plan_id=operation.plan_id,
            sealed_request=self.sealer.seal(request, _purpose(operation.instance_id)),
            created_at=self.now(),
        )
        async with self.database.transaction() as session:
            await session.merge(row)

    async def fail(self, operation: Operation, description: str) -> None:
        """Note that an operation failed; one that succeeded is forgotten when its instance is stored or deleted."""
        async with self.database.transaction() as session:
            row = await session.get(OperationRow, operation.instance_id)
            if row is not None and row.id == operation.id:
                row.state, row.description = State.FAILED, description

    def _read(self, row: OperationRow) -> Operation:
        content = self.sealer.unseal(row.sealed_request, _purpose(row.instance_id))
        return Operation(
            row.instance_id,
            row.id,
            Kind(row.kind),
            InstanceRequest.model_validate_json(content),
            row.service_id,
            row.plan_id,
            State(row.state),
            row.description,
        )


def _purpose(instance_id: str) -> str:
    return json.dumps(["broker", "operation", instance_id])
