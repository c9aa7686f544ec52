"""Shared sessions over TLS, in a cluster, and behind sentinels: each a real one, made by the test."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis_servers import PASSWORD, SECRET, RedisServer, free_port, running_redis, until

from entryway.config.external_sessions import SessionStoreSettings, read_external_sessions
from entryway.config.vcap import Binding
from entryway.router.errors import SessionStoreUnavailable
from entryway.router.sessions import Login, Session
from entryway.router.shared_sessions.build import open_shared
from entryway.router.shared_sessions.link import StoreUnreachable, open_link
from entryway.router.shared_sessions.store import SharedSessions
from entryway.testing.authority import TestAuthority

USER = Login("a.b.c", "r", time.time() + 900, None, b"Bearer a.b.c", frozenset({"x"}), {"sub": "7"}, "alex")


def settings(credentials: dict[str, Any], **more: Any) -> SessionStoreSettings:
    """What the router reads from its environment and binding."""
    document = {"instanceName": "s", "storageType": "redis", "sessionSecret": SECRET, "defaultRetryTimeout": 200}
    binding = Binding("s", "redis-cache", None, (), credentials)
    found, mistakes = read_external_sessions({"EXT_SESSION_MGT": json.dumps(document | more)}, [binding])
    assert mistakes == []
    assert found is not None
    return found


@asynccontextmanager
async def opened(found: SessionStoreSettings, environ: dict[str, str] | None = None) -> AsyncIterator[SharedSessions]:
    store = open_shared(found, environ or {}, 60, time.time)
    store.start()
    try:
        yield store
    finally:
        await store.close()


def new(store: SharedSessions) -> Session:
    session = store.maker.new(os.urandom(64), time.time())
    session.login = USER
    return session


async def share_and_log_out(a: SharedSessions, b: SharedSessions, count: int = 1) -> None:
    """What sharing means, whatever the store is made of."""
    sessions = [new(a) for _ in range(count)]
    for session in sessions:
        await a.save(session)
    for session in sessions:
        other = await b.load(session.cookie)
        assert other is not None
        assert other.login == USER
    for session in sessions:
        await a.drop(session)

    async def gone() -> bool:
        return [await b.load(session.cookie) for session in sessions] == [None] * count

    assert await until(gone) < 1


async def test_a_connection_ended_by_another_command_is_a_store_that_is_not_reached(tmp_path: Path):
    async with running_redis(tmp_path) as server:
        link, reasons = open_link(settings(server.binding()), {}), []
        pool = link.client.connection_pool
        for steps in range(60):  # one of these meets the connection between its opening and its first command
            asked = asyncio.ensure_future(link.last_change(b"nothing"))
            for _ in range(steps):
                await asyncio.sleep(0)
            for connection in list(pool._in_use_connections):  # as clusters end those of a server
                await connection.disconnect(nowait=True)
            try:
                await asked
            except StoreUnreachable as error:
                reasons.append(str(error))
                if "AttributeError" in reasons[-1]:
                    break
            await pool.disconnect()
        await link.close()
    assert "AttributeError" in reasons[-1]


@pytest.fixture
async def tls_server(tmp_path: Path) -> AsyncIterator[tuple[int, TestAuthority]]:
    authority = TestAuthority.create(tmp_path / "ca")
    files = authority.issue_server()
    port = free_port()
    extra = (
        "--port", "0", "--tls-port", str(port), "--tls-cert-file", str(files.certificate), "--tls-key-file",
        str(files.key), "--tls-ca-cert-file", str(authority.ca_file), "--tls-auth-clients", "no",
    )  # fmt: skip
    server = RedisServer(tmp_path / "redis", extra, port=port, bind=("127.0.0.1", "127.0.0.2"))
    await server.start()
    yield port, authority
    await server.kill()


async def test_a_store_over_tls_is_believed_by_its_certificate(tls_server):
    port, authority = tls_server
    found = settings({"hostname": "localhost", "port": port, "password": PASSWORD, "tls": True})
    environ = {"NODE_EXTRA_CA_CERTS": str(authority.ca_file)}
    async with opened(found, environ) as a, opened(found, environ) as b:
        await share_and_log_out(a, b)
    async with opened(found) as stranger:
        with pytest.raises(SessionStoreUnavailable):
            await stranger.save(new(stranger))


async def test_a_certificate_for_another_host_is_refused_unless_the_settings_say_otherwise(tls_server):
    port, authority = tls_server
    credentials = {"uri": f"rediss://:{PASSWORD}@127.0.0.2:{port}"}
    environ = {"NODE_EXTRA_CA_CERTS": str(authority.ca_file)}
    async with opened(settings(credentials), environ) as strict:
        with pytest.raises(SessionStoreUnavailable):
            await strict.save(new(strict))
    async with opened(settings(credentials, skipCertHostnameValidation=True), environ) as lenient:
        await lenient.save(new(lenient))
    async with opened(settings(credentials, skipCertHostnameValidation=True)) as stranger:
        with pytest.raises(SessionStoreUnavailable):
            await stranger.save(new(stranger))
    async with opened(settings(credentials, rejectUnauthorized=False)) as careless:
        await careless.save(new(careless))


async def test_sessions_in_a_cluster(tmp_path):
    async with AsyncExitStack() as stack:
        nodes = []
        for number in range(3):
            extra = (
                "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "2000",
                "--masterauth", PASSWORD,
            )  # fmt: skip
            nodes.append(await stack.enter_async_context(running_redis(tmp_path / str(number), *extra)))
        addresses = [f"127.0.0.1:{node.port}" for node in nodes]
        made = await asyncio.create_subprocess_exec(
            "redis-cli", "--no-auth-warning", "-a", PASSWORD, "--cluster", "create", *addresses, "--cluster-yes",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await made.communicate()
        assert made.returncode == 0, out.decode()

        async def ready() -> bool:
            states = [await node.command("CLUSTER", "INFO") for node in nodes]
            return all(b"cluster_state:ok" in (s if isinstance(s, bytes) else s.encode()) for s in states)

        await until(ready, 20)
        found = settings(nodes[0].binding(cluster_mode=True))
        assert found.kind == "cluster"
        async with opened(found) as a, opened(found) as b:
            await share_and_log_out(a, b, count=24)
            keys = [await node.command("KEYS", "*:s:*") for node in nodes]
            assert sum(1 for each in keys if each) > 1  # they are spread over the nodes


async def test_sessions_follow_the_sentinels_to_another_server(tmp_path):
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running_redis(tmp_path / "first", "--masterauth", PASSWORD))
        second = await stack.enter_async_context(
            running_redis(tmp_path / "second", "--masterauth", PASSWORD, "--replicaof", f"127.0.0.1 {first.port}")
        )

        async def following() -> bool:
            return b"master_link_status:up" in await _info(second)

        await until(following, 20)
        sentinels = []
        for number in range(3):
            folder = tmp_path / f"sentinel-{number}"
            folder.mkdir()
            port = free_port()
            (folder / "sentinel.conf").write_text(
                f"port {port}\ndir {folder}\nsentinel monitor mymaster 127.0.0.1 {first.port} 2\n"
                f"sentinel auth-pass mymaster {PASSWORD}\nsentinel down-after-milliseconds mymaster 500\n"
                "sentinel failover-timeout mymaster 4000\n"
            )
            server = RedisServer(folder, (str(folder / "sentinel.conf"), "--sentinel"), None, port)
            stack.push_async_callback(server.kill)
            await _start_sentinel(server)
            sentinels.append(server)
        nodes = [{"hostname": "127.0.0.1", "port": each.port} for each in sentinels]
        found = settings({"sentinel_nodes": nodes, "master_name": "mymaster", "password": PASSWORD})
        async with opened(found) as a, opened(found) as b:
            await share_and_log_out(a, b)
            session = new(a)
            await a.save(session)
            await first.kill()

            async def served_by_the_second() -> bool:
                fresh = new(b)
                try:
                    await b.save(fresh)
                except SessionStoreUnavailable:
                    return False
                return bool(await second.session_keys())

            await until(served_by_the_second, 40)
            assert (await a.load(session.cookie)) is session

            async def known_to_both() -> bool:
                other = await b.load(session.cookie)
                return other is not None and other.login == USER

            await until(known_to_both)


async def _info(server: RedisServer) -> bytes:
    async with Redis(port=server.port, password=PASSWORD, protocol=2) as client:
        connection = await client.connection_pool.get_connection()
        await connection.send_command("INFO", "replication")
        answer = await connection.read_response()
        await client.connection_pool.release(connection)
        return answer if isinstance(answer, bytes) else str(answer).encode()


async def _start_sentinel(server: RedisServer) -> None:
    server.process = await asyncio.create_subprocess_exec(
        "redis-server", *server.extra, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    async def listening() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        except OSError:
            return False
        writer.close()
        return True

    await until(listening)
