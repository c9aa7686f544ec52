"""A user's token is exchanged once, however the requests that need it fall between one another."""

from __future__ import annotations

import asyncio

import pytest

from entryway.clients.tokens import TokenSet
from entryway.router.exchanged_tokens import ExchangedTokens
from entryway.router.sessions import Login, Session


@pytest.mark.parametrize("steps", range(12))
async def test_nobody_asks_again_whenever_they_come(steps: int) -> None:
    login = Login("tok", None, 1e12, None, b"Bearer tok", frozenset(), {}, "alex")
    session, tokens, asked = Session("n", b"c", b"t", 0.0, login), ExchangedTokens(lambda: 0.0), 0

    async def ask() -> TokenSet:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return TokenSet("exchanged", None, None, 3600, "")

    first = asyncio.create_task(tokens.get(session, login, "p", ask))
    for _ in range(steps):
        await asyncio.sleep(0)

    assert await tokens.get(session, login, "p", ask) == await first == "exchanged"
    assert asked == 1
