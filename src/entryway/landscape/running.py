"""What others ask of a landscape that runs: environments and tokens."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from entryway.clients.access import PLATFORM_CLIENT, PlatformRefused
from entryway.clients.http import new_http
from entryway.clients.platform import PlatformClient
from entryway.clients.tls import load_client_certificate, outgoing_context
from entryway.clients.tokens import TokenClient
from entryway.config.bindings import Binding, UaaCredentials, find_uaa, read_bindings
from entryway.config.schema import did_you_mean
from entryway.errors import EntrywayError, NotFound
from entryway.landscape.environment_file import kept_modules, load_environment
from entryway.landscape.provision import platform_client
from entryway.landscape.record import load_record
from entryway.landscape.secrets import load_secrets
from entryway.landscape.state import FOLDER_NAME, StateFolder, is_held

Result = TypeVar("Result")


class NotRunning(EntrywayError):
    """The command needs a landscape that runs."""

    code = "not_running"
    title = "No landscape runs here"


@dataclass(frozen=True, slots=True)
class PlatformAccess:
    """How to act as the platform of a landscape that runs."""

    url: str
    client_id: str
    secret: str = field(repr=False)
    ca_certificate: Path


def platform_access(folder: Path) -> PlatformAccess:
    """Return how to act as the platform of the landscape in a folder."""
    return _access(_running_state(folder))


def services_access(root: Path) -> PlatformAccess:
    """Return how to act as the platform of the services of a state folder, whoever started them."""
    return _access(StateFolder(root.resolve()))


def _access(state: StateFolder) -> PlatformAccess:
    secret = load_secrets(state).platform_client_secret
    return PlatformAccess(load_record(state).ports.public_url, PLATFORM_CLIENT, secret, state.ca_certificate)


def environment_of(folder: Path, module: str) -> dict[str, str]:
    """Return what the running landscape gives a module."""
    state = _running_state(folder)
    known = kept_modules(state)
    if module not in known:
        hint = did_you_mean(module, known) or f"known: {', '.join(known) or 'none yet, it is still starting'}"
        raise NotFound(f'no module "{module}" is part of this landscape ({hint})')
    return load_environment(state, module)


def client_token(folder: Path, module: str) -> str:
    """Return a token of the module itself, by client credentials."""
    credentials = UaaCredentials.model_validate(_uaa(folder, module).credentials)
    state = _running_state(folder)

    context = outgoing_context(os.environ, ca_files=[state.ca_certificate])
    if credentials.secret is None and credentials.certificate and credentials.key:
        load_client_certificate(context, credentials.certificate, credentials.key.get_secret_value())

    async def fetch() -> str:
        async with new_http(context) as http:
            return (await TokenClient(http).client_credentials(credentials)).access_token

    return asyncio.run(fetch())


def user_token(folder: Path, module: str, user: str) -> str:
    """Return a token for the module as if the user had logged in."""
    state = _running_state(folder)
    url = load_record(state).ports.public_url
    name = _uaa(folder, module).name
    services = json.loads(environment_of(folder, module)["VCAP_SERVICES"])
    instance_id = next(each["instance_guid"] for found in services.values() for each in found if each["name"] == name)

    async def fetch() -> str:
        async with platform_client(state, load_secrets(state), url) as platform:
            try:
                return (await platform.user_token(instance_id, user)).access_token
            except PlatformRefused as error:
                if error.answered == HTTPStatus.NOT_FOUND:
                    raise NotFound(f'there is no user "{user}"') from error
                raise

    return asyncio.run(fetch())


def pairing_token(root: Path, location_id: str) -> str:
    """Return a token with which one connector may pair once, with the services of a state folder."""
    return _as_platform(root, lambda platform: platform.pairing_token(location_id))


def connectors(root: Path, zid: str) -> list[dict[str, Any]]:
    """Return the connectors that a tenant paired with the services of a state folder."""
    return _as_platform(root, lambda platform: platform.connectors(zid))


def revoke_connector(root: Path, connector_id: str, zid: str) -> None:
    """Revoke a connector that a tenant paired with the services of a state folder."""
    try:
        _as_platform(root, lambda platform: platform.revoke_connector(connector_id, zid))
    except PlatformRefused as error:
        if error.answered == HTTPStatus.NOT_FOUND:
            raise NotFound(f'there is no connector "{connector_id}"; `entryway connector list` shows them') from error
        raise


def _as_platform(root: Path, work: Callable[[PlatformClient], Awaitable[Result]]) -> Result:
    state = StateFolder(root.resolve())
    secrets = load_secrets(state)

    async def ask() -> Result:
        async with platform_client(state, secrets, load_record(state).ports.public_url) as platform:
            return await work(platform)

    return asyncio.run(ask())


def _running_state(folder: Path) -> StateFolder:
    state = StateFolder((folder / FOLDER_NAME).resolve())
    if not is_held(state):
        raise NotRunning(f"`entryway up` does not run in {folder.resolve()}; start it, or name its folder with --dir")
    return state


def _uaa(folder: Path, module: str) -> Binding:
    environment = environment_of(folder, module)
    binding = find_uaa(read_bindings(environment, folder), environment)
    if binding is None:
        raise NotFound(f'"{module}" has no binding to an authorization server (service xsuaa)')
    return binding
