"""The HTTP engine as a plain proxy beside nginx as one, in one run: CPU time per request of each process tree.

python benchmarks/http_engine.py [--seconds 6] [--rounds 2]
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path

import uvloop

from entryway.http import Client, Headers, Origin, OutgoingRequest, Request, Response, Server, end_to_end
from measure import Figure, Subject, free_port, measure, nginx_proxy, nginx_upstream, process, table


async def serve_proxy(port: int, upstream: int) -> None:
    """The shortest handler that is a proxy."""
    client = Client()
    origin = Origin("http", "127.0.0.1", upstream)

    async def handle(request: Request) -> Response:
        outgoing = OutgoingRequest(
            request.method, request.target, origin, end_to_end(request.headers), request.body, request.upgrade
        )
        response = await client.send(outgoing)
        response.headers = end_to_end(response.headers)
        return response

    await serve(Server(handle), port)
    await client.close()


async def serve_small(port: int) -> None:
    """The server alone."""
    body = b'{"ok":true}'

    async def handle(_request: Request) -> Response:
        return Response(200, Headers.trusted([(b"content-type", b"application/json")]), body)

    await serve(Server(handle), port)


async def serve(server: Server, port: int) -> None:
    await server.listen("127.0.0.1", port)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await server.close(grace_seconds=0.2)


def compare(seconds: int, rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        upstream, reference, proxy, small = free_port(), free_port(), free_port(), free_port()
        me = [sys.executable, __file__]
        with (
            nginx_upstream(folder, upstream),
            nginx_proxy(folder, reference, upstream) as nginx_pid,
            process([*me, "--serve", "proxy", str(proxy), str(upstream)], port=proxy) as proxy_pid,
            process([*me, "--serve", "small", str(small), "0"], port=small) as small_pid,
        ):
            subjects = [
                Subject("nginx plain proxy", nginx_pid, f"http://127.0.0.1:{reference}/"),
                Subject("entryway.http proxy", proxy_pid, f"http://127.0.0.1:{proxy}/"),
                Subject("entryway.http server alone", small_pid, f"http://127.0.0.1:{small}/"),
            ]
            taken = [[measure(subject, seconds=seconds) for subject in subjects] for _ in range(rounds)]
        # the best round of each: the others had to share the machine
        return [min(figures, key=lambda figure: figure.cpu_us) for figures in zip(*taken, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--serve", nargs=3, metavar=("WHAT", "PORT", "UPSTREAM"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        what, port, upstream = arguments.serve
        uvloop.run(serve_proxy(int(port), int(upstream)) if what == "proxy" else serve_small(int(port)))
        return
    print(table(compare(arguments.seconds, arguments.rounds), "nginx plain proxy"))


if __name__ == "__main__":
    main()
