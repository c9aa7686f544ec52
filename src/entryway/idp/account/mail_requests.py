"""How often strangers may have us send mail: each address of the network, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from entryway.web.tries import Tries, came_from

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.idp.settings import IdpSettings
    from entryway.storage.moments import Clock

# A company that shares one address has people who forget passwords, too.
ONE_MORE_EVERY = timedelta(minutes=1)
# Whoever has many addresses must not make us a source of unwanted mail.
ALL_TOGETHER = 10


@dataclass(frozen=True, slots=True)
class MailRequests:
    """Counts requests of people who are not logged in, before anything is looked up."""

    settings: IdpSettings
    of_one: Tries
    of_all: Tries

    def count(self, request: Request, kind: str) -> None:
        """Raise TooManyRequests for one too many; kinds are counted apart, so that a flood of one stops no other."""
        self.of_one.count(kind, came_from(request, self.settings.certificate_networks))
        self.of_all.count(kind, "everybody")


def mail_requests(settings: IdpSettings, clock: Clock) -> MailRequests:
    """Return what counts as the settings say."""
    most = settings.address_mails
    return MailRequests(
        settings,
        Tries(most, clock, ONE_MORE_EVERY),
        Tries(most * ALL_TOGETHER, clock, ONE_MORE_EVERY / ALL_TOGETHER),
    )
