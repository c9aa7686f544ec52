"""The option that every command of a service has: where its metrics and health are told."""

from __future__ import annotations

from typing import Annotated

import typer

AdminPort = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65535,
        help="Loopback port for metrics and health; ENTRYWAY_ADMIN_PORT, else none.",
    ),
]
