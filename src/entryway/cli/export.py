"""`entryway export`."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from entryway.cli.log_settings import stay_quiet
from entryway.cli.outcome import tell

if TYPE_CHECKING:
    from entryway.router.export.write import Address

EPILOG = """[bold]Examples[/bold]

    entryway export nginx -w web > /etc/nginx/conf.d/web.conf

    entryway export envoy -w web --listen 0.0.0.0:8080 > envoy.yaml

    entryway export envoy -w web --router a:5000 --router b:5000 --decision a:5001 --decision b:5001 > envoy.yaml

What the router serves itself is named on standard error. Write the file anew when routes or destinations change.
"""


class Proxy(StrEnum):
    """Whose configuration is written."""

    NGINX = "nginx"
    ENVOY = "envoy"


def export(  # noqa: PLR0917 - Typer's way to declare options
    proxy: Annotated[Proxy, typer.Argument(help="The proxy to write for.")],
    workdir: Annotated[
        Path, typer.Option("--workdir", "-w", help="Folder with xs-app.json, default-env.json, default-services.json.")
    ] = Path(),
    listen: Annotated[str, typer.Option(help="HOST:PORT where the proxy listens.")] = "127.0.0.1:8080",
    router: Annotated[
        list[str] | None,
        typer.Option(help="HOST:PORT of the router, once for each instance. Default: 127.0.0.1 and PORT."),
    ] = None,
    decision: Annotated[
        list[str] | None,
        typer.Option(
            help="HOST:PORT where it decides, once for each instance. "
            "Default: 127.0.0.1 and ENTRYWAY_DECISION_PORT, or 5001."
        ),
    ] = None,
    ca_file: Annotated[
        str | None, typer.Option(help="Authorities that the proxy believes. Default: SSL_CERT_FILE, or the system's.")
    ] = None,
) -> None:
    """Write the configuration of a proxy that carries the bytes and asks the router for its decisions."""
    stay_quiet()
    from entryway.router.export.write import Places
    from entryway.router.export.write import export as write

    places = Places(
        _address("--listen", listen),
        tuple(_address("--router", address) for address in router or ()),
        tuple(_address("--decision", address) for address in decision or ()),
        ca_file,
    )
    exported = write(proxy.value, workdir, os.environ, places)
    for route in exported.plan.routes:
        if route.by_router is not None:
            tell(f"through the router: {route.label} ({route.by_router})")
        if route.inexpressible is not None:
            tell(f"not written down for {proxy.value}, which asks the router: {route.label} ({route.inexpressible})")
    for remark in exported.plan.remarks:
        tell(f"warning: {remark}")
    typer.echo(exported.text, nl=False)


def _address(option: str, text: str) -> "Address":
    from entryway.router.export.write import Address

    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise typer.BadParameter(f"{text!r} is not HOST:PORT", param_hint=option)
    return Address(host.strip("[]"), int(port))
