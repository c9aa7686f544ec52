"""Who a user of a company's provider is here: found again, linked, or taken in; and what the provider says of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.accounts.names import comparable, same_name
from entryway.idp import tables
from entryway.idp.bootstrap import ADMIN_GROUP
from entryway.idp.corporate.errors import NotKnownHere
from entryway.idp.errors import InvalidValue, NameTaken
from entryway.idp.oidc.claims import PassedOn
from entryway.idp.users.user import LONGEST_VALUE, MOST_VALUES, UserValues

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entryway.federation.identity import Identity
    from entryway.idp.corporate.providers import Provider
    from entryway.idp.users.groups import Groups
    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User
    from entryway.storage import Database
    from entryway.storage.moments import Clock


@dataclass(frozen=True, slots=True)
class ProviderLinks:
    """One link for each provider and subject; a name alone never makes somebody one of our users."""

    database: Database
    users: Users
    groups: Groups
    clock: Clock

    async def log_on(self, provider: Provider, identity: Identity) -> User:
        """Return the user, new or linked if the settings say so; raise NotKnownHere if they do not."""
        _check_domain(provider, identity)
        user = await self._linked(provider, identity)
        if user is None:
            user = await self._ours(provider, identity) or await self._created(provider, identity)
        elif user.provider_id == provider.id:
            user = await self._updated(provider, user, identity)
        if not user.may_log_in:
            raise NotKnownHere("the user is locked or not active")
        await self._note(provider, user, identity)
        await self._keep_groups(provider, user, identity)
        return user

    async def passed_on(self, user_id: str, provider_id: str | None) -> PassedOn:
        """Return what applications are told besides, as the provider said it at the last login there."""
        if provider_id is None:
            return PassedOn()
        link, provider = tables.ProviderLink, tables.CorporateProvider
        query = (
            select(link.groups, link.attributes, provider.settings)
            .join(provider, provider.id == link.provider_id)
            .where(link.provider_id == provider_id, link.user_id == user_id)
            .order_by(link.noted_at.desc())
            .limit(1)
        )
        async with self.database.read() as session:
            found = (await session.execute(query)).one_or_none()
        if found is None or not found.settings["pass_on"]:
            return PassedOn()
        return PassedOn(tuple(found.groups), found.attributes)

    async def _linked(self, provider: Provider, identity: Identity) -> User | None:
        link = tables.ProviderLink
        query = select(link.user_id).where(link.provider_id == provider.id, link.subject == identity.subject)
        async with self.database.read() as session:
            user_id = (await session.execute(query)).scalar_one_or_none()
        return await self.users.find(user_id) if user_id is not None else None

    async def _ours(self, provider: Provider, identity: Identity) -> User | None:
        """Return a user of ours whom both sides know by a confirmed address; never an administrator."""
        if not provider.settings.link_users or not identity.email or not identity.email_confirmed:
            return None
        found = await self.users.find_by_login(identity.email)
        if found is None or not same_name(found.email, identity.email):
            return None
        if not found.values.email_verified or found.provider_id is not None:
            return None
        if ADMIN_GROUP in await self.groups.names_of(found.id):
            raise NotKnownHere("administrators are not linked by their address")
        return found

    async def _created(self, provider: Provider, identity: Identity) -> User:
        if not provider.settings.create_users:
            raise NotKnownHere("the provider may not bring users")
        try:
            return await self.users.create(_values(provider, identity, None), provider_id=provider.id)
        except NameTaken as error:
            # Another request of the same user may have been quicker.
            linked = await self._linked(provider, identity)
            if linked is None:
                raise NotKnownHere("another user has the name or the address") from error
            return linked
        except InvalidValue as error:
            raise NotKnownHere(error.detail) from error

    async def _updated(self, provider: Provider, user: User, identity: Identity) -> User:
        values = _values(provider, identity, user.values)
        if values == user.values:
            return user
        try:
            return await self.users.change(user.id, values)
        except (NameTaken, InvalidValue) as error:
            raise NotKnownHere(f"what the provider says of the user cannot be kept: {error.detail}") from error

    async def _note(self, provider: Provider, user: User, identity: Identity) -> None:
        row = tables.ProviderLink(
            provider_id=provider.id,
            subject=identity.subject,
            user_id=user.id,
            groups=list(identity.groups),
            attributes={name: list(values) for name, values in identity.attributes.items()},
            noted_at=self.clock(),
        )
        async with self.database.transaction() as session:
            await session.merge(row)

    async def _keep_groups(self, provider: Provider, user: User, identity: Identity) -> None:
        """Put the user into the groups that the provider's stand for, and out of those that they stand for no more."""
        mapped = provider.settings.groups
        if not mapped:
            return
        held = await self.groups.names_of(user.id)
        theirs = {comparable(name) for name in mapped.values()}
        granted = {ours for there, ours in mapped.items() if there in identity.groups}
        wanted = [name for name in held if comparable(name) not in theirs]
        wanted += sorted(granted)
        if {comparable(name) for name in held} != {comparable(name) for name in wanted}:
            await self.groups.set_groups(user.id, wanted)


def _check_domain(provider: Provider, identity: Identity) -> None:
    if not identity.subject or len(identity.subject) > 255:
        raise NotKnownHere("the provider names the user in no way that can be kept")
    domains = provider.settings.email_domains
    if domains and identity.email.rpartition("@")[2].lower() not in domains:
        raise NotKnownHere("the provider may not vouch for this address")


def _values(provider: Provider, identity: Identity, before: UserValues | None) -> UserValues:
    attributes: Mapping[str, list[str]] = {
        ours: [value[:LONGEST_VALUE] for value in identity.attributes[theirs][:MOST_VALUES]]
        for ours, theirs in provider.settings.custom_attributes.items()
        if identity.attributes.get(theirs)
    }
    known = before or UserValues(user_name=identity.user_name)
    return replace(
        known,
        user_name=identity.user_name,
        email=identity.email or known.email,
        email_verified=_is_confirmed(identity, known),
        given_name=identity.given_name or known.given_name,
        family_name=identity.family_name or known.family_name,
        attributes={**known.attributes, **attributes},
    )


def _is_confirmed(identity: Identity, known: UserValues) -> bool:
    """Return whether the user's address is confirmed now: applications believe what we tell them of it."""
    if not identity.email:
        return known.email_verified
    if identity.email_verified and comparable(identity.email) == comparable(known.email):
        return known.email_verified or identity.email_confirmed
    return identity.email_confirmed
