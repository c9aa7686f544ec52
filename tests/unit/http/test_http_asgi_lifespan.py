"""What an ASGI server hears of a handler's life: that it began and ended, or why it could not."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from entryway.http import Request, Response
from entryway.http.asgi import AsgiApplication


async def handle(_: Request) -> Response:
    return Response(200)


@pytest.mark.parametrize(
    ("fails", "heard"),
    [
        (None, ["lifespan.startup.complete", "lifespan.shutdown.complete"]),
        ("beginning", ["lifespan.startup.failed"]),
        ("end", ["lifespan.startup.complete", "lifespan.shutdown.failed"]),
    ],
)
async def test_a_server_hears_how_it_went(fails: str | None, heard: list[str]) -> None:
    events = []

    @asynccontextmanager
    async def lifespan():
        if fails == "beginning":
            raise OSError("the reason")
        yield
        if fails == "end":
            raise OSError("the reason")

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(event: dict[str, str]) -> None:
        events.append(event)

    await AsgiApplication(handle, lifespan=lifespan)({"type": "lifespan"}, receive, send)
    assert [event["type"] for event in events] == heard
    assert [event["message"] for event in events if "message" in event] == ["the reason"] * (fails is not None)
