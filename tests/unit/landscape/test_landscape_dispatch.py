from __future__ import annotations

from typing import Any

import pytest

from entryway.landscape.dispatch import HEALTH_PATH, Dispatcher, find_prefix
from entryway.landscape.lifespan import Message, Receive, Scope, Send


class Service:
    """An ASGI application that notes what happens to it."""

    def __init__(self, name: str, notes: list[str], *, failing: str = "", reads_lifespan: bool = True) -> None:
        self.name = name
        self.notes = notes
        self.failing = failing
        self.reads_lifespan = reads_lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            self.notes.append(f"{self.name} answers {scope['path']} with {scope['state']}")
            return
        if not self.reads_lifespan:
            raise RuntimeError("no lifespan here")
        await receive()
        if self.failing:
            await send({"type": "lifespan.startup.failed", "message": self.failing})
            return
        scope["state"]["name"] = self.name
        self.notes.append(f"{self.name} starts")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.notes.append(f"{self.name} stops")
        await send({"type": "lifespan.shutdown.complete"})


async def live(app: Dispatcher, *, during: Any = None) -> list[str]:
    """Drive an application through its life and return what it says."""
    said: list[str] = []
    incoming = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Message:
        message = next(incoming)
        if message["type"] == "lifespan.shutdown" and during is not None:
            await during()
        return message

    async def send(message: Message) -> None:
        said.append(f"{message['type']} {message.get('message', '')}".strip())

    await app({"type": "lifespan"}, receive, send)
    return said


async def nothing(*_: object) -> Any:
    raise AssertionError


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/v2", "/v2"),
        ("/v2/catalog", "/v2"),
        ("/v2catalog", ""),
        ("/", ""),
        ("/oauth/v2/x", ""),
        ("/destination-configuration/v1/destinations/x", "/destination-configuration"),
        ("/destination-configurations", ""),
    ],
)
def test_a_path_goes_to_the_service_whose_folder_it_is_in(path: str, prefix: str):
    assert find_prefix(["/destination-configuration", "/v2", ""], path) == prefix


async def test_all_services_live_together_and_find_their_own_state():
    notes: list[str] = []
    app = Dispatcher({"": ("uaa", Service("uaa", notes)), "/v2": ("broker", Service("broker", notes))})

    async def requests() -> None:
        await app({"type": "http", "path": "/v2/catalog"}, nothing, nothing)
        await app({"type": "http", "path": "/login"}, nothing, nothing)

    said = await live(app, during=requests)

    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert notes == [
        "uaa starts",
        "broker starts",
        "broker answers /v2/catalog with {'name': 'broker'}",
        "uaa answers /login with {'name': 'uaa'}",
        "broker stops",
        "uaa stops",
    ]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"failing": "no database"}, "broker: no database"),
        ({"reads_lifespan": False}, "broker: RuntimeError: no lifespan here"),
    ],
)
async def test_one_that_cannot_start_is_named_and_those_before_it_end(broken: dict[str, Any], reason: str):
    notes: list[str] = []
    app = Dispatcher({"": ("uaa", Service("uaa", notes)), "/v2": ("broker", Service("broker", notes, **broken))})

    said = await live(app)

    assert said == [f"lifespan.startup.failed {reason}"]
    assert notes == ["uaa starts", "uaa stops"]
    assert app.failure is not None
    assert app.failure.detail == reason


async def test_health_names_the_services_and_asks_none_of_them():
    notes: list[str] = []
    app = Dispatcher({"": ("uaa", Service("uaa", notes))})
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http", "path": HEALTH_PATH}, nothing, send)

    assert sent[0]["status"] == 200
    assert sent[1]["body"] == b'{"status": "UP", "services": ["uaa"]}'
    assert notes == []
