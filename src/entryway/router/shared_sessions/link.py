"""Speaks to Redis or Valkey: one server, a cluster, or the server that sentinels name. Knows nothing of sessions."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from entryway.clients.tls import REJECT_VARIABLE, extra_authorities
from entryway.config.external_sessions import SessionStoreSettings
from entryway.router.shared_sessions.scripts import Script

MOST_AT_ONCE = 32
CLUSTER_STREAMS = 8
STREAM_BATCH = 500


class StoreUnreachable(Exception):
    """The store did not answer, or refused us; the reason holds no secret."""


@dataclass(slots=True, eq=False)
class Link:
    """Commands to the store, a bounded number at once; every failure becomes StoreUnreachable."""

    client: Any
    streams: int
    """Over how many streams changes are spread: in a cluster a session and its stream share a server."""
    command_timeout: float
    sentinels: Sequence[Any] = ()
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))

    async def run(self, script: Script, keys: Sequence[bytes], arguments: Sequence[object]) -> Any:
        """Run a script; it is sent in full where the store does not know it yet."""
        from redis.exceptions import NoScriptError  # noqa: PLC0415 - only routers that share sessions load redis

        async with self._slots:
            with _our_errors():
                try:
                    return await self.client.execute_command("EVALSHA", script.sha, len(keys), *keys, *arguments)
                except NoScriptError:
                    return await self.client.execute_command("EVAL", script.text, len(keys), *keys, *arguments)

    async def last_change(self, stream: bytes) -> bytes:
        """Return where a stream ends."""
        with _our_errors():
            entries = await self.client.xrevrange(stream, count=1)
        return entries[0][0] if entries else b"0-0"

    async def changes(self, stream: bytes, position: bytes, wait_ms: int) -> list[tuple[bytes, Mapping[bytes, bytes]]]:
        """Return what was added to a stream after the position, waiting for it a while."""
        with _our_errors():
            async with asyncio.timeout(wait_ms / 1000 + self.command_timeout):
                answer = await self.client.xread({stream: position}, count=STREAM_BATCH, block=wait_ms)
        found = list(answer.values()) if isinstance(answer, dict) else [entries for _, entries in answer or ()]
        entries: list[tuple[bytes, Mapping[bytes, bytes]]] = found[0] if found else []
        # The newer protocol puts the entries of a stream into one more list.
        return entries[0] if entries and isinstance(entries[0], list) else entries

    async def close(self) -> None:
        """Close every connection."""
        with _our_errors():
            for client in (self.client, *self.sentinels):
                await client.aclose()


def open_link(settings: SessionStoreSettings, environ: Mapping[str, str]) -> Link:
    """Return a link to the store; nothing is connected yet."""
    common = _common(settings, environ)
    if settings.kind == "cluster":
        return Link(_cluster(settings, common), CLUSTER_STREAMS, settings.command_timeout)
    if settings.kind == "sentinel":
        client, sentinels = _sentinel(settings, common)
        return Link(client, 1, settings.command_timeout, sentinels)
    return Link(_single(settings, common), 1, settings.command_timeout)


def _single(settings: SessionStoreSettings, common: dict[str, Any]) -> Any:
    from redis.asyncio import Redis  # noqa: PLC0415 - see above

    (address,) = settings.addresses
    return Redis(host=address.host, port=address.port, db=settings.database, **common)


def _cluster(settings: SessionStoreSettings, common: dict[str, Any]) -> Any:
    from redis.asyncio.cluster import ClusterNode, RedisCluster  # noqa: PLC0415 - see above

    nodes = [ClusterNode(address.host, address.port) for address in settings.addresses]
    # Slots move: the first to notice learns where to, and connections to where they were end.
    return RedisCluster(startup_nodes=nodes, **common | {"retry": _retry(3)})


def _sentinel(settings: SessionStoreSettings, common: dict[str, Any]) -> tuple[Any, Sequence[Any]]:
    from redis.asyncio.sentinel import Sentinel  # noqa: PLC0415 - see above

    asking = {name: value for name, value in common.items() if name not in ("username", "password", "db")}
    asking["password"] = settings.sentinel_password
    nodes = [(address.host, address.port) for address in settings.addresses]
    # The library gives the class no types.
    sentinel: Any = Sentinel(nodes, sentinel_kwargs=asking, db=settings.database, **common)  # type: ignore[no-untyped-call]
    return sentinel.master_for(settings.master), sentinel.sentinels


def _common(settings: SessionStoreSettings, environ: Mapping[str, str]) -> dict[str, Any]:
    common: dict[str, Any] = {
        "username": settings.username,
        "password": settings.password,
        "socket_timeout": settings.command_timeout,
        "socket_connect_timeout": settings.connect_timeout,
        "socket_keepalive": True,
        # An idle connection that the store closed is found out by the next command: that one is tried once more.
        "retry": _retry(1),
        "protocol": 2,
    }
    if settings.keep_alive:
        common["socket_keepalive_options"] = {socket.TCP_KEEPIDLE: max(1, round(settings.keep_alive))}
    if settings.tls:
        verified = settings.verify_certificate and environ.get(REJECT_VARIABLE) != "0"
        authorities = "\n".join(filter(None, (extra_authorities(environ), settings.certificate_authority)))
        common |= {
            "ssl": True,
            "ssl_cert_reqs": "required" if verified else "none",
            "ssl_check_hostname": verified and settings.verify_hostname,
            "ssl_ca_data": authorities or None,
        }
    return common


def _retry(times: int) -> Any:
    from redis.asyncio.retry import Retry  # noqa: PLC0415 - see above
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.exceptions import ConnectionError as ConnectionLost  # noqa: PLC0415

    return Retry(NoBackoff(), times, supported_errors=(ConnectionLost,))


@contextmanager
def _our_errors() -> Iterator[None]:
    from redis.exceptions import RedisError  # noqa: PLC0415 - see above

    try:
        yield
    except (RedisError, OSError, TimeoutError, AttributeError) as error:
        # AttributeError: the connection was ended, with others of its server, between its opening and first command.
        raise StoreUnreachable(f"{type(error).__name__}: {error}"[:300]) from error
