from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from entryway.idp.mail.outbox import Mail
from entryway.idp.mail.postman import Postman

MAIL = Mail("ada@example.com", "Hello", "text")


@dataclass
class BrokenOutbox:
    """A mail server that refuses the first so many mails."""

    refused: int
    tries: int = 0
    sent: list[Mail] = field(default_factory=list)
    waited_for: int = 1
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, mail: Mail) -> None:
        self.tries += 1
        if self.tries == self.waited_for:
            self.reached.set()
        if self.tries <= self.refused:
            raise ConnectionRefusedError
        self.sent.append(mail)


async def written() -> Mail:
    return MAIL


async def test_a_mail_is_tried_again_until_the_server_is_back() -> None:
    outbox = BrokenOutbox(refused=2, waited_for=3)
    postman = Postman(outbox, tried_again_after=(0.001, 0.001, 0.001))
    postman.post(written)
    await outbox.reached.wait()
    assert outbox.tries == 3
    await postman.settle()
    assert outbox.sent == [MAIL]


async def test_a_server_that_stays_away_gets_no_mail_for_ever() -> None:
    outbox = BrokenOutbox(refused=100, waited_for=2)
    postman = Postman(outbox, tried_again_after=(0.001,))
    postman.post(written)
    await outbox.reached.wait()
    await postman.settle()
    assert (outbox.tries, outbox.sent) == (2, [])


async def test_who_stops_does_not_wait_for_the_next_try_but_makes_it() -> None:
    outbox = BrokenOutbox(refused=1)
    postman = Postman(outbox, tried_again_after=(3600,))
    postman.post(written)
    await outbox.reached.wait()
    await postman.settle()
    assert outbox.sent == [MAIL]
