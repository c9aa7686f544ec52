"""A busy process sends whole messages together at the end of the loop's step, and nothing overtakes them."""

from __future__ import annotations

import asyncio

from entryway.http.outbox import BUSY, MOST_TOGETHER, Outbox, outbox_of


class Wire(asyncio.Transport):
    """Notes what would go out, on a list that several may share."""

    def __init__(self, sent: list[bytes]) -> None:
        super().__init__()
        self.sent = sent
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closing
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing


def busy_outbox() -> Outbox:
    outbox = Outbox(asyncio.get_running_loop())
    for _ in range(BUSY):
        outbox.send(Wire([]), b"")
    outbox.sweep()
    return outbox


async def test_without_load_a_message_leaves_at_once():
    sent: list[bytes] = []
    outbox = Outbox(asyncio.get_running_loop())
    for _ in range(BUSY - 1):
        outbox.send(Wire([]), b"")
    outbox.sweep()
    outbox.send(Wire(sent), b"1")
    assert sent == [b"1"]


async def test_messages_of_a_busy_process_leave_together_after_the_step():
    sent: list[bytes] = []
    outbox = busy_outbox()
    outbox.send(Wire(sent), b"1")
    outbox.send(Wire(sent), b"2")
    assert sent == []
    await asyncio.sleep(0)
    assert sent == [b"1", b"2"]
    outbox.send(Wire(sent), b"3")
    await asyncio.sleep(0)
    assert sent == [b"1", b"2", b"3"]


async def test_a_process_that_is_busy_no_longer_sends_at_once_again():
    sent: list[bytes] = []
    outbox = busy_outbox()
    outbox.sweep()
    outbox.send(Wire(sent), b"1")
    assert sent == [b"1"]


async def test_what_waits_when_the_load_ends_is_not_overtaken():
    sent: list[bytes] = []
    outbox = busy_outbox()
    wire = Wire(sent)
    outbox.send(wire, b"1")
    outbox.sweep()
    outbox.send(wire, b"2")
    await asyncio.sleep(0)
    assert sent == [b"1", b"2"]


async def test_many_messages_do_not_wait_for_the_end_of_the_step():
    sent: list[bytes] = []
    outbox = busy_outbox()
    for number in range(MOST_TOGETHER + 1):
        outbox.send(Wire(sent), b"%d" % number)
    assert sent == [b"%d" % number for number in range(MOST_TOGETHER)]
    await asyncio.sleep(0)
    assert sent[-1] == b"%d" % MOST_TOGETHER


async def test_flushing_sends_what_waits_once():
    sent: list[bytes] = []
    outbox = busy_outbox()
    outbox.send(Wire(sent), b"1")
    outbox.flush()
    assert sent == [b"1"]
    await asyncio.sleep(0)
    assert sent == [b"1"]


async def test_a_message_for_a_connection_that_ended_holds_nobody_up():
    sent: list[bytes] = []
    outbox = busy_outbox()
    gone = Wire(sent)
    outbox.send(gone, b"lost")
    outbox.send(Wire(sent), b"sent")
    gone.closing = True
    await asyncio.sleep(0)
    assert sent == [b"sent"]


async def test_the_connections_of_one_loop_share_one():
    loop = asyncio.get_running_loop()
    assert outbox_of(loop) is outbox_of(loop)
