"""Which authorization server a command is about, and as whom: the landscape that runs here, or one by credentials."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entryway.cli.log_settings import stay_quiet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entryway.clients.administration import AdministrationClient

ORIGIN = "entryway"
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Origin = Annotated[str, typer.Option("--of-idp", help="Origin key of the identity provider.")]
Tenant = Annotated[str, typer.Option("--tenant", help="Subdomain of another tenant; for the platform alone.")]


@dataclass(slots=True)
class Target:
    """Asks the server, and keeps one connection and one token for all questions of a command."""

    folder: Path
    url: str
    credentials: Path | None
    ca_file: Path | None
    tenant: str
    state: Path | None = None
    _runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    _client: AdministrationClient | None = None

    def ask(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> Any:
        """Return what is answered."""
        return self._runner.run(self.client.ask(method, path, body, query))

    def listed(self, path: str, query: Mapping[str, str] | None = None) -> list[Any]:
        """Return all of a list."""
        return self._runner.run(self.client.listed(path, query))

    def user(self, name: str, origin: str) -> dict[str, Any]:
        """Return a user, or fail."""
        found = self._runner.run(self.client.user(name, origin))
        if found is None:
            raise not_found(f"the identity provider {origin} has no user {name!r} here")
        return found

    def find_user(self, name: str, origin: str) -> dict[str, Any] | None:
        """Return a user, None where there is none."""
        return self._runner.run(self.client.user(name, origin))

    def users(self, text: str) -> list[dict[str, Any]]:
        """Return every user that fits a SCIM filter."""
        return self._runner.run(self.client.users(text))

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._runner.run(self._client.caller.http.aclose())
        self._runner.close()

    @property
    def client(self) -> AdministrationClient:
        """The client, made when it is first needed."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> AdministrationClient:
        from entryway.clients.administration import AdministrationClient
        from entryway.clients.http import new_http
        from entryway.clients.tls import outgoing_context

        if self.credentials is not None:
            given = _read(self.credentials)
            files = [self.ca_file] if self.ca_file else []
            http = new_http(outgoing_context(os.environ, ca_files=files))
            return AdministrationClient.acting_as(
                http,
                self.url or given.get("apiurl") or given["url"],
                (given["clientid"], given["clientsecret"]),
                token_url=given["url"],
                tenant=self.tenant,
            )
        from entryway.landscape.running import platform_access, services_access

        access = platform_access(self.folder) if self.state is None else services_access(self.state)
        files = [access.ca_certificate, *([self.ca_file] if self.ca_file else [])]
        http = new_http(outgoing_context(os.environ, ca_files=files))
        url = self.url or access.url
        return AdministrationClient.acting_as(
            http, url, (access.client_id, access.secret), token_url=access.url, tenant=self.tenant
        )


def group(help_text: str) -> typer.Typer:
    """Return a group of commands that are about one target."""
    app = typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode="rich")

    @app.callback()
    def target(  # noqa: PLR0917 - options
        ctx: typer.Context,
        folder: Annotated[Path, typer.Option("--dir", "-d", help="Folder of an application that runs.")] = Path(),
        credentials: Annotated[
            Path | None, typer.Option("--credentials", help="File with an API credential; - is standard input.")
        ] = None,
        url: Annotated[str, typer.Option("--url", help="Address of the interfaces, if not the credential's.")] = "",
        ca_file: Annotated[Path | None, typer.Option("--ca", help="PEM file: whom to believe besides.")] = None,
        tenant: Tenant = "",
        state: Annotated[
            Path | None, typer.Option("--state", help="State folder of services that run without `entryway up`.")
        ] = None,
    ) -> None:
        if state is not None and credentials is not None:
            raise typer.BadParameter("--state and --credentials are two ways to come in; one is enough")
        stay_quiet()
        ctx.obj = made = Target(folder, url, credentials, ca_file, tenant, state)
        ctx.call_on_close(made.close)

    return app


def examples(*lines: str) -> str:
    """Return the closing part of a command's help."""
    return "[bold]Example[/bold]\n\n" + "\n\n".join(f"    entryway {line}" for line in lines)


def _read(file: Path) -> dict[str, str]:
    from entryway.errors import ConfigurationError

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        given = json.loads(text)
        given = given.get("credentials", given)
        needed = {name: given[name] for name in ("url", "clientid", "clientsecret")}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        # Nothing of the file is shown: it holds a secret.
        raise ConfigurationError(
            f"{file} is no file with url, clientid and clientsecret ({type(error).__name__})"
        ) from None
    if not all(isinstance(value, str) for value in needed.values()):
        raise ConfigurationError(f"{file}: url, clientid and clientsecret must be texts")
    return needed | ({"apiurl": given["apiurl"]} if isinstance(given.get("apiurl"), str) else {})


def not_found(text: str) -> Exception:
    """Return what says that something is not there."""
    from entryway.errors import NotFound

    return NotFound(text)
