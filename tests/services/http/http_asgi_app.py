"""An ASGI application for real servers to run: a plain proxy in front of the upstream that UPSTREAM_PORT names."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager

from entryway.http import Client, Limits, Origin, OutgoingRequest, Request, Response, end_to_end
from entryway.http.asgi import AsgiApplication

client: Client


@asynccontextmanager
async def lifespan():
    global client  # noqa: PLW0603 the application of one test process
    client = Client()
    yield
    await client.close()


async def handle(request: Request) -> Response:
    if request.target == "/fails":
        raise RuntimeError("the password is 123")
    origin = Origin("http", "127.0.0.1", int(os.environ["UPSTREAM_PORT"]))
    outgoing = OutgoingRequest(
        request.method, request.target, origin, end_to_end(request.headers), request.body, upgrade=request.upgrade
    )
    response = await client.send(outgoing)
    response.headers = end_to_end(response.headers)
    return response


app = AsgiApplication(handle, lifespan=lifespan)
hasty = AsgiApplication(handle, lifespan=lifespan, limits=Limits(request_timeout=0.8, inactivity_timeout=0.8))
