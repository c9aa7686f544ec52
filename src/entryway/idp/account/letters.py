"""The mails that people get, in the language in which they were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from entryway.idp.account.links import Links, Purpose
from entryway.idp.mail.outbox import Mail
from entryway.idp.pages import wording

if TYPE_CHECKING:
    from entryway.idp.settings import IdpSettings
    from entryway.idp.users.user import User

_PATHS = {
    Purpose.RESET: "/password/new",
    Purpose.INVITATION: "/password/new",
    Purpose.VERIFICATION: "/email/verification",
}


@dataclass(frozen=True, slots=True)
class Letters:
    """Writes mails with links."""

    settings: IdpSettings
    links: Links

    async def link(self, user: User, purpose: Purpose, language: str) -> Mail | None:
        """Return a mail with a link of this purpose; None for a user without a mail address."""
        if not user.email:
            return None
        token = await self.links.issue(user, purpose)
        query = urlencode({"purpose": purpose, "token": token})
        return self._mail(user, purpose, language, f"{self.settings.public_url}{_PATHS[purpose]}?{query}")

    def known(self, user: User, language: str) -> Mail:
        """Return a mail to who registers with an address that has an account already."""
        return self._mail(user, "known", language, f"{self.settings.public_url}/password/forgotten")

    def _mail(self, user: User, kind: str, language: str, link: str) -> Mail:
        product = self.settings.branding.name
        # A stranger may have typed both name and address, to have us send words of theirs to somebody else.
        name = user.full_name if user.values.email_verified else user.email
        text = wording.say(language, f"mail.{kind}.text", name=name, product=product, link=link)
        return Mail(user.email, wording.say(language, f"mail.{kind}.subject", product=product), text)
