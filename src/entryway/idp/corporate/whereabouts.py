"""Where the user of an attempt has to log in, looked up for the decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.corporate.choice import OF_OUR_PAGES, Choice, LoginRules, Seen, choose
from entryway.idp.corporate.settings import OWN
from entryway.web.client_address import certain_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.store import Applications
    from entryway.idp.corporate.providers import Provider, Providers
    from entryway.idp.documents import Documents
    from entryway.idp.login.attempt import Attempt
    from entryway.idp.users.groups import Groups
    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User
    from entryway.web.client_address import Proxies


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Applies an application's rules, or those of all, to what is known of the user."""

    providers: Providers
    applications: Applications
    documents: Documents
    users: Users
    groups: Groups
    proxies: Proxies
    """Who is believed when they say from where somebody comes."""

    async def choose(self, attempt: Attempt, request: Request) -> Choice:
        """Return where the user has to log in."""
        active = {one.alias for one in await self.providers.list() if one.settings.active}
        name, groups = attempt.login_name, list[str]()
        user = await self.users.find(attempt.user_id) if attempt.user_id is not None else None
        if user is None and name is not None:
            user = await self.users.find_by_login(name)
        if user is not None:
            name, groups = user.email or user.user_name, await self.groups.names_of(user.id)
        seen = Seen(name, groups, certain_address(request, self.proxies))
        return choose(await self._rules(attempt), attempt.goal.providers, active, seen)

    async def alias_of(self, attempt: Attempt) -> str:
        """Return where the user of an attempt has logged in."""
        if attempt.provider_id is None:
            return OWN
        found = await self.providers.find_by_id(attempt.provider_id)
        return found.alias if found is not None and found.settings.active else ""

    async def provider_of(self, request: Request, attempt: Attempt) -> Provider | None:
        """Return the company's provider where the user has to log in."""
        choice = await self.choose(attempt, request)
        return await self.providers.find(choice.alias) if choice.alias is not None else None

    async def offered(self, attempt: Attempt) -> Sequence[Provider]:
        """Return the providers that the user may choose on our own login page."""
        rules = await self._rules(attempt)
        active = {one.alias: one for one in await self.providers.list() if one.settings.active}
        requestable = rules.requestable(active)
        return [one for alias, one in active.items() if one.settings.offered and alias in requestable]

    async def take_password(self, application: Application, user: User) -> bool:
        """Say whether a password of ours is enough for an application, from a network that nobody knows."""
        rules = await self.rules_for(application)
        active = {one.alias for one in await self.providers.list() if one.settings.active}
        seen = Seen(user.email or user.user_name, await self.groups.names_of(user.id))
        return not any(rule.networks for rule in rules.rules) and choose(rules, (), active, seen).fits(OWN)

    async def rules_for(self, application: Application) -> LoginRules:
        """Return where the users of an application log in."""
        return application.settings.logins or await self.documents.load(LoginRules)

    async def _rules(self, attempt: Attempt) -> LoginRules:
        if attempt.goal.application_id is None:
            return OF_OUR_PAGES
        return await self.rules_for(await self.applications.resolve(attempt.goal.application_id))
