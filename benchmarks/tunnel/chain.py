"""What a request costs from the proxy to the system: `python benchmarks/tunnel/chain.py`.

Three processes, of which this one is load and system: the data plane (its process also holds the pairing
API and an issuer, which are idle), and the connector, started by `entryway connector run`. CPU time is read from
`/proc`. The system speaks HTTPS and asks for the connector's certificate; each request has a proxy token that is
verified, and with `as a user` a token that becomes a certificate.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from work import REQUEST_HEADERS, SMALL

from entryway.http import Client, Headers, Limits, Origin, OutgoingRequest, PoolLimits, Request, Response, Server
from entryway.telemetry import configure_logging
from entryway.testing.issuer import running_issuer
from entryway.testing.onpremise import on_premise

REQUESTS = 6000
TICKS = os.sysconf("SC_CLK_TCK")


async def cloud(folder: Path) -> None:
    """The data plane, and what a connector needs to be paired."""
    with running_issuer(folder / "issuer") as issuer:
        async with on_premise(issuer, folder) as world:
            await world.pair()
            context = issuer.authority.issue_server()
            world.configure(backend_trust=[str(issuer.ca_file)], **world.trust_users())
            facts = {
                "proxy": world.ports.proxy,
                "proxy_token": world.proxy_token,
                "users": [issuer.token(user=f"user{number}") for number in range(10)],
                "certificate": str(context.certificate),
                "key": str(context.key),
            }
            print(json.dumps(facts), flush=True)
            connected = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
            await world.connected()
            print("connected" + connected, end="", flush=True)
            await asyncio.Event().wait()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def load(client: Client, origin: Origin, heads: list[Headers], requests: int, concurrency: int) -> None:
    remaining = iter(range(requests))

    async def worker() -> None:
        for number in remaining:
            headers = heads[number % len(heads)].copy()
            response = await client.send(OutgoingRequest("GET", "http://erp.virtual:443/orders", origin, headers))
            body = response.body if isinstance(response.body, bytes) else await response.body.read()
            assert (response.status, body) == (200, SMALL), (response.status, body)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(concurrency):
            tasks.create_task(worker())


async def main() -> None:
    configure_logging(json=False, level="error")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cloud_process = await asyncio.create_subprocess_exec(
            sys.executable,
            __file__,
            "--cloud",
            name,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
        assert cloud_process.stdin is not None
        assert cloud_process.stdout is not None
        facts = json.loads(await cloud_process.stdout.readline())

        async def handle(_: Request) -> Response:
            return Response(200, Headers.trusted([(b"content-type", b"application/json")]), SMALL)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(facts["certificate"], facts["key"])
        context.verify_mode = ssl.CERT_REQUIRED
        config = folder / "connector" / "connector.yaml"
        context.load_verify_locations(config.parent / "system-ca.pem")
        system = Server(handle, Limits(header_bytes=64 * 1024))
        _, port = await system.listen("127.0.0.1", 0, ssl=context)
        expose(config, port)
        connector_process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("entryway"), "connector", "run", "--config", str(config),
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        cloud_process.stdin.write(b"\n")
        await cloud_process.stdout.readline()

        plain = Headers([(key.encode(), value.encode()) for key, value in REQUEST_HEADERS if key != "authorization"])
        plain.add(b"proxy-authorization", f"Bearer {facts['proxy_token']}".encode())
        users = []
        for token in facts["users"]:
            users.append(plain.copy())
            users[-1].add(b"sap-connectivity-authentication", f"Bearer {token}".encode())
        client = Client(PoolLimits(connections_per_origin=1024))
        origin = Origin("http", "127.0.0.1", facts["proxy"])
        print("| request | proxy µs | connector µs | both | requests a second |\n|---|---|---|---|---|")
        for title, heads in (("as nobody", [plain]), ("as one of ten users", users)):
            for concurrency in (1, 16):
                await load(client, origin, heads, 500, concurrency)
                begin = time.perf_counter()
                before = cpu_seconds(cloud_process.pid), cpu_seconds(connector_process.pid)
                await load(client, origin, heads, REQUESTS, concurrency)
                spent = [
                    (cpu_seconds(process.pid) - then) / REQUESTS * 1e6
                    for process, then in zip((cloud_process, connector_process), before, strict=True)
                ]
                rate = REQUESTS / (time.perf_counter() - begin)
                row = f"| {title}, {concurrency} at a time | {spent[0]:.0f} | {spent[1]:.0f} | {sum(spent):.0f}"
                print(f"{row} | {rate:.0f} |", flush=True)
        for process in (connector_process, cloud_process):
            process.kill()
            await process.wait()
        await client.close()
        await system.close(0)


def expose(config: Path, port: int) -> None:
    from entryway.connector.file import read_document, write_document  # noqa: PLC0415

    mapping = {
        "virtualHost": "erp.virtual",
        "virtualPort": 443,
        "localHost": "localhost",
        "localPort": port,
        "protocol": "HTTPS",
        "authenticationMode": "X509_GENERAL",
        "resources": [{"id": "/orders"}],
    }
    write_document(config, read_document(config) | {"mappings": [mapping]})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--cloud"]:
        configure_logging(json=False, level="error")
        uvloop.run(cloud(Path(sys.argv[2])))
    else:
        uvloop.run(main())
