"""The HTTP engine: an HTTP/1.1 server and a pooled client that are made for standing between two parties.

A server parses a `Request`, awaits a `Handler`, writes the `Response`. When the response came from `Client.send`, its
body flows from socket to socket with backpressure, not through the handler. A WebSocket, once both sides have agreed,
is spliced bytes.

```python
async def handle(request: Request) -> Response:
    outgoing = OutgoingRequest(
        request.method, request.target, ORIGIN, end_to_end(request.headers), request.body, upgrade=request.upgrade
    )
    response = await client.send(outgoing)
    response.headers = end_to_end(response.headers)
    return response

client = Client()
server = Server(handle, limits=Limits(), on_error=render)
address = await server.listen("127.0.0.1", 5000)     # again for more listeners; ssl=context, reuse_port=True
...
await server.close(grace_seconds=10)
await client.close()
```

Where things are:

- `messages`: Request, Response, OutgoingRequest, Peer, Handler; `headers`: Headers, end_to_end; `body`: Body
- `target`: what a request target means; `limits`: every bound and time-out; `errors`: what went wrong on the wire
- `server`: Server (listeners, limits, drain, and serving a connection that we dialled: `Server.dial`);
  `connection`: one client's connection, with its `request_reader`, `response_writer`, `client_deadlines`, `refusals`
  and `farewell`; `turn`: how a handler's coroutine is driven, and `arrival` what it waits for; `held_back`: bytes that
  came too early
- `client`: Client; `pool`: one source's connections; `origin`: Origin (dials) and ConnectionSource (anything else);
  `upstream`: one connection to an upstream, with its `request_writer`, `response_reader` and `patience`; `repeating`:
  what may be sent again; `body_writer`: a body on its way out; `outbox`: when whole messages leave
- `known_heads`: what heads mean that come again and again, with `known_requests` and `known_responses`
- `heads`: how heads are written, so that nobody can smuggle; `splice`: RawStream, after an upgrade
- `asgi`: a Handler as an ASGI application; `hosted_asgi`: an ASGI application as a Handler; `asgi_host`: the same for
  answers that stream, and web sockets (`hosted_websocket`); `asking_tls`: TLS that asks clients for a certificate
"""

from entryway.http.body import Body
from entryway.http.client import Client
from entryway.http.errors import (
    AnswerTimedOut,
    BodyIncomplete,
    ClientGone,
    CodingUnknown,
    ContentTooLarge,
    HeadersTooLarge,
    HttpError,
    MalformedRequest,
    MethodUnknown,
    RequestTimedOut,
    TargetTooLong,
    TooBusy,
    VersionUnsupported,
)
from entryway.http.headers import HOP_BY_HOP, Headers, end_to_end
from entryway.http.limits import Limits, PoolLimits, Timeouts
from entryway.http.messages import ErrorRenderer, Handler, OutgoingRequest, Peer, Request, Response
from entryway.http.origin import ConnectionSource, Origin
from entryway.http.server import Server
from entryway.http.splice import RawStream
from entryway.http.target import Form, Target, parse_authority, parse_target
from entryway.http.upstream import UpstreamConnection

__all__ = [
    "HOP_BY_HOP",
    "AnswerTimedOut",
    "Body",
    "BodyIncomplete",
    "Client",
    "ClientGone",
    "CodingUnknown",
    "ConnectionSource",
    "ContentTooLarge",
    "ErrorRenderer",
    "Form",
    "Handler",
    "Headers",
    "HeadersTooLarge",
    "HttpError",
    "Limits",
    "MalformedRequest",
    "MethodUnknown",
    "Origin",
    "OutgoingRequest",
    "Peer",
    "PoolLimits",
    "RawStream",
    "Request",
    "RequestTimedOut",
    "Response",
    "Server",
    "Target",
    "TargetTooLong",
    "Timeouts",
    "TooBusy",
    "UpstreamConnection",
    "VersionUnsupported",
    "end_to_end",
    "parse_authority",
    "parse_target",
]
