"""Where instances and bindings are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete

from entryway.broker.tables import BindingRow, InstanceRow, OperationRow
from entryway.storage import Database, Sealer


@dataclass(frozen=True, slots=True)
class Instance:
    """A service instance."""

    id: str
    zid: str
    service_id: str
    plan_id: str
    name: str
    parameters: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bound:
    """A binding of an instance to an application, with what the application is given."""

    instance_id: str
    id: str
    zid: str
    parameters: Mapping[str, Any] = field(repr=False)
    credentials: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class BrokerStore:
    """Loads and saves instances and bindings."""

    database: Database
    sealer: Sealer
    now: Callable[[], datetime]

    async def find_instance(self, instance_id: str) -> Instance | None:
        async with self.database.read() as session:
            row = await session.get(InstanceRow, instance_id)
        if row is None:
            return None
        parameters = self._unseal(row.sealed_parameters, "instance", row.id)
        return Instance(row.id, row.zid, row.service_id, row.plan_id, row.name, parameters)

    async def save_instance(self, instance: Instance) -> None:
        """Store the instance, new or changed: that is the end of every operation on it."""
        sealed = self._seal(instance.parameters, "instance", instance.id)
        async with self.database.transaction() as session:
            await session.execute(delete(OperationRow).where(OperationRow.instance_id == instance.id))
            row = await session.get(InstanceRow, instance.id)
            if row is None:
                session.add(
                    InstanceRow(
                        id=instance.id,
                        zid=instance.zid,
                        service_id=instance.service_id,
                        plan_id=instance.plan_id,
                        name=instance.name,
                        sealed_parameters=sealed,
                        created_at=self.now(),
                    )
                )
            else:
                row.name, row.sealed_parameters = instance.name, sealed

    async def drop_instance(self, instance_id: str) -> None:
        """Delete the instance with its bindings, and what is known of its last operation."""
        async with self.database.transaction() as session:
            await session.execute(delete(OperationRow).where(OperationRow.instance_id == instance_id))
            await session.execute(delete(BindingRow).where(BindingRow.instance_id == instance_id))
            await session.execute(delete(InstanceRow).where(InstanceRow.id == instance_id))

    async def find_binding(self, instance_id: str, binding_id: str) -> Bound | None:
        async with self.database.read() as session:
            row = await session.get(BindingRow, {"instance_id": instance_id, "id": binding_id})
        if row is None:
            return None
        parameters = self._unseal(row.sealed_parameters, "parameters", instance_id, binding_id)
        credentials = self._unseal(row.sealed_credentials, "credentials", instance_id, binding_id)
        return Bound(row.instance_id, row.id, row.zid, parameters, credentials)

    async def save_binding(self, bound: Bound) -> None:
        """Store the binding, new or changed."""
        ids = (bound.instance_id, bound.id)
        parameters = self._seal(bound.parameters, "parameters", *ids)
        credentials = self._seal(bound.credentials, "credentials", *ids)
        async with self.database.transaction() as session:
            row = await session.get(BindingRow, {"instance_id": bound.instance_id, "id": bound.id})
            if row is None:
                session.add(
                    BindingRow(
                        instance_id=bound.instance_id,
                        id=bound.id,
                        zid=bound.zid,
                        sealed_parameters=parameters,
                        sealed_credentials=credentials,
                        created_at=self.now(),
                    )
                )
            else:
                row.sealed_parameters, row.sealed_credentials = parameters, credentials

    async def drop_binding(self, instance_id: str, binding_id: str) -> None:
        async with self.database.transaction() as session:
            query = delete(BindingRow).where(BindingRow.instance_id == instance_id, BindingRow.id == binding_id)
            await session.execute(query)

    def _seal(self, value: Mapping[str, Any], *purpose: str) -> bytes:
        return self.sealer.seal(json.dumps(dict(value)).encode(), json.dumps(["broker", *purpose]))

    def _unseal(self, sealed: bytes, *purpose: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.sealer.unseal(sealed, json.dumps(["broker", *purpose])))
        return value
