"""Signatures in a row: everybody gets their own, and nobody waits for who failed or has gone."""

from __future__ import annotations

import asyncio

import pytest

from entryway.oauth import keys
from entryway.oauth.signatures import MOST_IN_A_ROW, Signatures

KEY = keys.generate("0badcafe")


class Counting:
    """A key that notes what it is asked to sign, and cannot sign everything."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def sign(self, content: bytes) -> bytes:
        self.asked.append(content)
        if content == b"bad":
            raise ValueError("this cannot be signed")
        return b"signed " + content


async def test_each_gets_the_signature_of_what_is_theirs():
    signatures = Signatures()
    contents = [b"%d" % number for number in range(3)]
    made = await asyncio.gather(*(signatures.of(content, KEY) for content in contents))
    assert made == [KEY.sign(content) for content in contents]  # PKCS #1 v1.5 is the same each time


async def test_all_are_made_however_many_and_the_loop_goes_on_between():
    signatures, key = Signatures(), Counting()
    many = MOST_IN_A_ROW * 2 + 1
    waiting = [asyncio.ensure_future(signatures.of(b"%d" % number, key)) for number in range(many)]
    rows = []
    while not all(each.done() for each in waiting):
        await asyncio.sleep(0)
        if not rows or rows[-1] != len(key.asked):
            rows.append(len(key.asked))
    assert rows == [0, MOST_IN_A_ROW, MOST_IN_A_ROW * 2, many]
    assert [each.result() for each in waiting] == [b"signed %d" % number for number in range(many)]
    assert await signatures.of(b"later", key) == b"signed later"


async def test_who_asks_for_what_cannot_be_signed_fails_alone():
    signatures, key = Signatures(), Counting()
    made = await asyncio.gather(*(signatures.of(each, key) for each in (b"1", b"bad", b"2")), return_exceptions=True)
    assert (made[0], made[2]) == (b"signed 1", b"signed 2")
    assert isinstance(made[1], ValueError)


async def test_nothing_is_signed_for_who_has_gone():
    signatures, key = Signatures(), Counting()
    gone, here = (asyncio.ensure_future(signatures.of(each, key)) for each in (b"gone", b"here"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await here == b"signed here"
    assert key.asked == [b"here"]
    with pytest.raises(asyncio.CancelledError):
        await gone
