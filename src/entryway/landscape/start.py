"""The order in which a landscape comes up: what a later part needs is ready before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from entryway.certificates import Certified
from entryway.clients.platform import PlatformClient
from entryway.config.descriptor import Module
from entryway.config.landscape_file import LANDSCAPE_FILE, OnPremiseDocument
from entryway.landscape.commands import Commands
from entryway.landscape.environment import Bound, module_environment, trust_variables
from entryway.landscape.environment_file import keep_environment
from entryway.landscape.on_premise import ConnectorFile, connected_probe, system_environment
from entryway.landscape.output import Output
from entryway.landscape.parts import Parts
from entryway.landscape.plan import Plan
from entryway.landscape.probes import module_probe, port_probe, services_probe
from entryway.landscape.process import Process
from entryway.landscape.provision import Provisioner, platform_client, put_identity_users
from entryway.landscape.record import LandscapeRecord, new_id, save_record
from entryway.landscape.secrets import Secrets
from entryway.landscape.state import StateFolder

OWN_PART_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """Brings one plan up."""

    plan: Plan
    state: StateFolder
    secrets: Secrets
    authority: Certified
    record: LandscapeRecord
    commands: Commands
    parts: Parts
    output: Output
    now: datetime

    async def run(self) -> None:
        """Start everything, and return when all of it is ready."""
        url = self.plan.ports.public_url
        self.output.say(f"starting the control plane on {url}")
        services = await self.parts.start(self.commands.services())
        await self.parts.ready(services, services_probe(url, self.state.ca_certificate), OWN_PART_SECONDS)
        if self.plan.needs_identity_provider:
            await self._start_identity_provider()
        async with platform_client(self.state, self.secrets, url) as platform:
            environments = await self._provision(platform)
            if self.plan.needs_connectivity:
                await self._start_connectivity()
            if on_premise := self.plan.application.landscape.on_premise:
                await self._start_on_premise(on_premise, platform)
        await self._start_modules(environments)

    async def _start_identity_provider(self) -> None:
        url = self.plan.ports.identity_provider_url
        self.output.say(f"starting the identity provider on {url}")
        process = await self.parts.start(self.commands.identity_provider())
        await self.parts.ready(process, services_probe(url, self.state.ca_certificate), OWN_PART_SECONDS)
        document = self.plan.application.landscape.identity_provider
        if document is not None and document.users:
            names = ", ".join(user.name for user in document.users)
            self.output.say(f"creating users of the identity provider: {names}")
            await put_identity_users(self.state, self.secrets, url, document.users)

    async def _provision(self, platform: PlatformClient) -> dict[str, dict[str, str]]:
        application = self.plan.application
        provisioner = Provisioner(platform, self.record, new_id, self.now)
        names = [instance.name for instance in application.descriptor.instances]
        if names:
            self.output.say(f"creating service instances: {', '.join(names)}")
        try:
            await provisioner.create_instances(application)
            environments = {
                module.name: self._environment(module, provisioner, await provisioner.bind(module, application))
                for module in application.descriptor.modules
            }
        finally:
            # Also what was created before something failed must be found again.
            save_record(self.state, self.record)
        await self._provision_users(provisioner)
        return environments

    async def _provision_users(self, provisioner: Provisioner) -> None:
        users = self.plan.application.landscape.users
        names = [user.name for user in users]
        if users:
            self.output.say(f"creating users: {', '.join(names)}")
        for user in users:
            await provisioner.put_user(user)
        for name in [name for name in self.record.users if name not in names]:
            self.output.say(f"locking out {name}, who is no longer in {LANDSCAPE_FILE}")
            await provisioner.lock_out(name)
        self.record.users = names
        save_record(self.state, self.record)

    def _environment(self, module: Module, provisioner: Provisioner, bound: Sequence[Bound]) -> dict[str, str]:
        """Return what the landscape gives a module, and keep it for `entryway env`."""
        port = self.plan.application.module_ports[module.name]
        application_id = provisioner.record.application_id(module.name, new_id)
        environment = {
            **module_environment(module, port, application_id, bound),
            **trust_variables(self.state),
        }
        keep_environment(self.state, module.name, environment)
        return environment

    async def _start_connectivity(self) -> None:
        ports = self.plan.ports
        self.output.say(f"starting connectivity: proxy on port {ports.onpremise_proxy}, gateway on {ports.gateway}")
        process = await self.parts.start(self.commands.connectivity())
        await self.parts.ready(process, port_probe(ports.onpremise_proxy), OWN_PART_SECONDS)
        await self.parts.ready(process, port_probe(ports.gateway), OWN_PART_SECONDS)

    async def _start_on_premise(self, on_premise: OnPremiseDocument, platform: PlatformClient) -> None:
        connector = ConnectorFile(self.state, on_premise, self.plan.ports, self.plan.application.folder)
        certificates = await connector.bring_up_to_date(platform, self.output, self.now)
        waiting: list[tuple[Process, str, int]] = []
        for system in on_premise.systems:
            if system.process is not None:
                self.output.say(f"starting {system.name} on {system.internal}")
                environment = system_environment(self.state, system, certificates, self.authority, self.now)
                process = await self.parts.start(self.commands.system(system, environment))
                waiting.append((process, system.internal_host, system.internal_port))
        for process, host, port in waiting:
            await self.parts.ready(process, port_probe(port, host), OWN_PART_SECONDS)
        self.output.say("starting the connector")
        process = await self.parts.start(self.commands.connector(connector.path))
        await self.parts.ready(
            process, connected_probe(platform, self.plan.ports.onpremise_proxy, on_premise.location), OWN_PART_SECONDS
        )

    async def _start_modules(self, environments: Mapping[str, Mapping[str, str]]) -> None:
        waiting: list[tuple[Module, int, Process]] = []
        for module in self.plan.application.descriptor.modules:
            port = self.plan.application.module_ports[module.name]
            self.output.say(f"starting {module.name} on port {port}")
            process = await self.parts.start(self.commands.module(module, environments[module.name]))
            waiting.append((module, port, process))
        for module, port, process in waiting:
            await self.parts.ready(process, module_probe(module.health, port), module.health.timeout_seconds)
