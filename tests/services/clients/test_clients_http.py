"""Calls of other services end, whatever these do."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from entryway.clients.http import Timeouts, call, new_http
from entryway.errors import UpstreamError


async def test_an_answer_that_drips_for_ever_is_cut_off() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.02)
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    patience = Timeouts(connect=0.1, read=0.1, pool=0.1)
    async with server, new_http(ssl.create_default_context(), patience) as http:
        async with asyncio.timeout(5):
            with pytest.raises(UpstreamError, match="did not come to the end"):
                await call(http, "GET", url)
            await ended.wait()


def test_who_has_no_time_limit_for_one_phase_has_none_for_the_whole() -> None:
    assert Timeouts().whole == 50
    assert Timeouts(read=None).whole is None
