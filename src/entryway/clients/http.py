"""How a service calls another over HTTP: one client, bounded in time and size, every failure in our words."""

from __future__ import annotations

import asyncio
import json as documents
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

from entryway import __version__
from entryway.clients.address import Address, basic_authorization, origin_of, parse_address
from entryway.clients.guarded_origin import GuardedOrigin
from entryway.clients.outgoing_addresses import AddressPolicy
from entryway.errors import UpstreamError, UpstreamUnreachable
from entryway.http import Client, Headers, HttpError, Origin, OutgoingRequest, PoolLimits, Response
from entryway.http import Timeouts as EngineTimeouts

__all__ = ["Answer", "HttpClient", "Timeouts", "call", "new_http", "origin_of"]

ANSWER_LIMIT = 4 * 1024 * 1024
IDLE_SECONDS = 5.0
"""Shorter than servers keep a connection open: a request that may be sent once only must not meet its end."""
USER_AGENT = f"entryway/{__version__}".encode()
FORM, JSON = b"application/x-www-form-urlencoded", b"application/json"
_GZIP_OR_DEFLATE = zlib.MAX_WBITS | 32


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may take, in seconds: to connect, between bytes, and for a connection of the pool."""

    connect: float | None = 5.0
    read: float | None = 10.0
    pool: float | None = 10.0

    @property
    def whole(self) -> float | None:
        """How long all of a call may take: an answer that drips steadily would never end otherwise."""
        if self.connect is None or self.read is None or self.pool is None:
            return None
        return 2 * (self.connect + self.read + self.pool)


@dataclass(slots=True, eq=False)
class HttpClient:
    """Kept connections of one kind of caller, to whatever it calls; follows no redirect, reads no environment."""

    context: ssl.SSLContext = field(repr=False)
    timeouts: Timeouts
    engine: Client = field(repr=False)
    policy: AddressPolicy | None = None

    def origin(self, address: Address) -> Origin | GuardedOrigin:
        """Return the engine's name for where an address leads."""
        tls = self.context if address.scheme == "https" else None
        origin = Origin(address.scheme, address.host, address.port, tls=tls)
        return origin if self.policy is None else GuardedOrigin(origin, self.policy)

    async def aclose(self) -> None:
        """Close every connection."""
        await self.engine.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def new_http(
    context: ssl.SSLContext,
    timeouts: Timeouts = Timeouts(),
    engine: Callable[[PoolLimits], Client] = Client,
    policy: AddressPolicy | None = None,
) -> HttpClient:
    """Return a client that connects when it is first used; with a policy, only to addresses that it permits."""
    return HttpClient(context, timeouts, engine(PoolLimits(idle_seconds=IDLE_SECONDS)), policy)


@dataclass(frozen=True, slots=True)
class Answer:
    """What another service answered, read completely."""

    origin: str
    status: int
    headers: Headers
    content: bytes

    def json_object(self) -> dict[str, Any]:
        """Return the body as a JSON object, or raise because the service does not speak our language."""
        try:
            value = documents.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise UpstreamError(self.origin, f"answered {self.status} with a body that is not JSON") from error
        if not isinstance(value, dict):
            raise UpstreamError(self.origin, f"answered {self.status} with JSON that is not an object")
        return value


async def call(
    http: HttpClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    json: Any = None,
    auth: tuple[str, str] | None = None,
    timeout: Timeouts | None = None,  # noqa: ASYNC109 - one for each phase of the call
    limit: int = ANSWER_LIMIT,
) -> Answer:
    """Send one request and return the whole answer, whatever its status; raise if there is none or it is too large."""
    origin = origin_of(url)
    with _our_errors(origin):
        address = parse_address(url, params)
        fields, body = _content(form, json)
        fields += [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in (headers or {}).items()]
        if user := auth or address.user:
            fields.append((b"authorization", basic_authorization(*user)))
        request = OutgoingRequest(
            method, address.target, http.origin(address), Headers(fields), body, timeouts=_engine(timeout, http)
        )
        async with asyncio.timeout((timeout or http.timeouts).whole):
            response = await http.engine.send(request)
            content = await _read(response, origin, limit)
    return Answer(origin, response.status, response.headers, content)


def _content(form: Mapping[str, str] | None, json: Any) -> tuple[list[tuple[bytes, bytes]], bytes]:
    fields = [(b"user-agent", USER_AGENT), (b"accept-encoding", b"identity")]
    if form is not None:
        return [*fields, (b"content-type", FORM)], urlencode(form).encode("ascii")
    if json is not None:
        return [*fields, (b"content-type", JSON)], documents.dumps(json, separators=(",", ":")).encode()
    return fields, b""


def _engine(timeout: Timeouts | None, http: HttpClient) -> EngineTimeouts:
    chosen = timeout or http.timeouts
    return EngineTimeouts(connect=chosen.connect, response=chosen.read, body=chosen.read, pool=chosen.pool)


async def _read(response: Response, origin: str, limit: int) -> bytes:
    content = bytearray()
    # Nobody asked for a coding, but there are servers in front of servers that compress all the same.
    packed = response.headers.get(b"content-encoding") in {b"gzip", b"deflate"}
    unpacker = zlib.decompressobj(_GZIP_OR_DEFLATE) if packed else None
    if isinstance(response.body, bytes):
        return response.body
    try:
        async for chunk in response.body:
            content += chunk if unpacker is None else unpacker.decompress(chunk, limit + 1)
            if len(content) > limit:
                raise UpstreamError(origin, f"answered with more than {limit} bytes")
    finally:
        response.body.abandon()
    return bytes(content)


@contextmanager
def _our_errors(origin: str) -> Iterator[None]:
    """Name the origin as the caller knows it, and turn everything that makes a call impossible into our words."""
    try:
        yield
    except UpstreamUnreachable as error:
        if (reason := _usual_reason(error.__cause__)) is None:
            raise
        raise UpstreamUnreachable(origin, reason) from error
    except UpstreamError:
        raise
    except HttpError as error:
        raise UpstreamError(origin, error.detail) from error
    except TimeoutError as error:
        raise UpstreamError(origin, "did not come to the end of its answer in time") from error
    except zlib.error as error:
        raise UpstreamError(origin, "answered in a coding that cannot be read") from error
    except ValueError as error:
        # Its text may hold what cannot be sent, and that may be a secret.
        raise UpstreamError(origin, "the request cannot be sent: its URL or a header is not valid") from error


def _usual_reason(cause: BaseException | None) -> str | None:
    """Say why there is no connection, if it is for one of the usual reasons, in plain words."""
    if isinstance(cause, ConnectionRefusedError):
        return "nothing answers there (connection refused)"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {cause.verify_message}"
    if isinstance(cause, socket.gaierror):
        return "its name is not known"
    return None
