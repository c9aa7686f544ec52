"""How often people may have us send mail: each address of the network, all of them together, and to one mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from entryway.accounts.lockout import Lockout
from entryway.accounts.names import comparable
from entryway.web.tries import Tries, came_from

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.idp.settings import IdpSettings
    from entryway.idp.users.failures import Failures
    from entryway.storage.moments import Clock

# A company that shares one address has people who forget passwords, too.
ONE_MORE_EVERY = timedelta(minutes=1)
# Whoever has many addresses must not make us a source of unwanted mail.
ALL_TOGETHER = 10
# Nobody's mailbox is filled, by others or by a page that is sent again and again.
TO_ONE_MAILBOX = Lockout(3, timedelta(hours=1), timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class MailRequests:
    """Counts requests of strangers before anything is looked up, and mails before they are written."""

    settings: IdpSettings
    failures: Failures
    of_one: Tries
    of_all: Tries

    def count(self, request: Request, kind: str) -> None:
        """Raise TooManyRequests for one too many; kinds are counted apart, so that a flood of one stops no other."""
        self.of_one.count(kind, came_from(request, self.settings.certificate_networks))
        self.of_all.count(kind, "everybody")

    async def too_many_to(self, email: str) -> bool:
        """Count a mail to a mailbox; say whether it has had enough of them."""
        return await self.failures.note_attempt(f"mail {comparable(email)}", TO_ONE_MAILBOX)


def mail_requests(settings: IdpSettings, failures: Failures, clock: Clock) -> MailRequests:
    """Return what counts as the settings say."""
    most = settings.address_mails
    return MailRequests(
        settings,
        failures,
        Tries(most, clock, ONE_MORE_EVERY),
        Tries(most * ALL_TOGETHER, clock, ONE_MORE_EVERY / ALL_TOGETHER),
    )
