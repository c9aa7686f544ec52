"""What the application needs of the services: instances, bindings and users, created or brought up to date."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from secrets import token_urlsafe as new_secret
from typing import Any

from entryway.clients.access import PlatformRefused
from entryway.clients.http import new_http
from entryway.clients.identity_provider import identity_provider
from entryway.clients.platform import PlatformClient
from entryway.clients.tls import outgoing_context
from entryway.config.descriptor import USER_PROVIDED, BoundInstance, Module, ServiceInstance
from entryway.config.landscape_file import IdentityUserDocument, UserDocument
from entryway.landscape.application import Application
from entryway.landscape.certificates import half_over
from entryway.landscape.environment import Bound
from entryway.landscape.lasting_bindings import lasting
from entryway.landscape.record import LandscapeRecord, NewId
from entryway.landscape.secrets import Secrets
from entryway.landscape.state import StateFolder


@asynccontextmanager
async def platform_client(state: StateFolder, secrets: Secrets, url: str) -> AsyncIterator[PlatformClient]:
    """Give a client of the control plane that acts as the platform."""
    async with new_http(outgoing_context(os.environ, ca_files=[state.ca_certificate])) as http:
        yield PlatformClient(http, url, secrets.platform_client_secret)


async def put_identity_users(
    state: StateFolder, secrets: Secrets, url: str, users: Sequence[IdentityUserDocument]
) -> None:
    """Create or update users of the identity provider at `url`."""
    async with new_http(outgoing_context(os.environ, ca_files=[state.ca_certificate])) as http:
        provider = identity_provider(http, url, secrets.platform_client_secret)
        for user in users:
            attributes = {name: [value] if isinstance(value, str) else value for name, value in user.attributes.items()}
            document = {
                "password": user.password,
                "given_name": user.given_name,
                "family_name": user.family_name,
                "email": user.address,
                "groups": user.groups,
                "attributes": attributes,
            }
            await provider.put_user(user.name, document)


@dataclass(frozen=True, slots=True)
class Provisioner:
    """Acts on one landscape; ids that it makes are kept in `record`."""

    platform: PlatformClient
    record: LandscapeRecord
    new_id: NewId
    now: datetime

    async def create_instances(self, application: Application) -> None:
        """Create or update every service instance of the application."""
        for instance in application.descriptor.instances:
            if instance.service is None or instance.service == USER_PROVIDED:
                continue
            await self.platform.provision(
                self.record.instance_id(instance.name, self.new_id),
                instance.service,
                instance.plan or "",
                instance.parameters,
                instance_name=instance.name,
            )

    async def bind(self, module: Module, application: Application) -> list[Bound]:
        """Return the module's services with the credentials of its bindings."""
        bound = []
        for request in module.bindings:
            instance = application.descriptor.instance(request.instance)
            if instance is None:
                continue
            bound.append(await self._current_binding(module, instance, request))
        return bound

    async def put_user(self, user: UserDocument) -> None:
        """Create or update a user."""
        await self.platform.put_user(
            user.name,
            password=user.password,
            given_name=user.given_name or "",
            family_name=user.family_name or "",
            email=user.address,
            role_collections=user.role_collections,
        )

    async def lock_out(self, user_name: str) -> None:
        """Take every right from a user that an earlier start created, and the password, too."""
        await self.platform.put_user(
            user_name,
            password=new_secret(),
            given_name="",
            family_name="",
            email=user_name if "@" in user_name else f"{user_name}@example.com",
            role_collections=(),
        )

    async def _current_binding(self, module: Module, instance: ServiceInstance, request: BoundInstance) -> Bound:
        """Return the binding of before, or one in its place if it does not prove what it should any more."""
        instance_id = self.record.instance_id(instance.name, self.new_id)
        binding_id = self.record.binding_id(module.name, instance.name, self.new_id)
        try:
            credentials = await self._credentials(instance, instance_id, binding_id, dict(request.parameters))
            if not half_over(credentials, self.now):
                return Bound(instance, instance_id, binding_id, request, credentials)
        except PlatformRefused as error:
            # A binding never changes: with other parameters it is another one.
            if error.answered != HTTPStatus.CONFLICT:
                raise
        await self.platform.unbind(instance_id, instance.service or "", instance.plan or "", binding_id)
        binding_id = self.record.replace_binding(module.name, instance.name, self.new_id)
        credentials = await self._credentials(instance, instance_id, binding_id, dict(request.parameters))
        return Bound(instance, instance_id, binding_id, request, credentials)

    async def _credentials(
        self, instance: ServiceInstance, instance_id: str, binding_id: str, parameters: dict[str, Any]
    ) -> dict[str, Any]:
        if instance.service is None or instance.service == USER_PROVIDED:
            return dict(instance.parameters)
        wanted = lasting(instance, parameters)
        return await self.platform.bind(instance_id, instance.service, instance.plan or "", binding_id, wanted)
