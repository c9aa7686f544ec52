"""Finding a destination: the nearest level that has it, and what is needed to log on there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from entryway.destinations.authentications import find_authentication
from entryway.destinations.authentications.kind import Means, Occasion, failure
from entryway.destinations.callers import Caller
from entryway.destinations.errors import DestinationMissing, TokenFailure
from entryway.destinations.requests import FindOptions
from entryway.destinations.store import DestinationStore, Level, Stored
from entryway.telemetry import get_logger

log = get_logger("destinations")


@dataclass(frozen=True, slots=True)
class Finder:
    """Answers find requests."""

    store: DestinationStore
    means: Means

    async def find(self, levels: Sequence[Level], name: str) -> Stored:
        """Return the destination of the first level that has it."""
        for level in levels:
            found = await self.store.find(level, name)
            if found is not None:
                return found
        raise DestinationMissing(name)

    async def answer(self, found: Stored, caller: Caller, options: FindOptions) -> dict[str, Any]:
        """Return configuration and tokens; a token that cannot be had is told, and no failure of the request."""
        destination = found.destination
        configuration = destination.without_credentials() if options.skip_credentials else dict(destination.properties)
        content: dict[str, Any] = {"destinationConfiguration": configuration}
        if destination.type != "HTTP" or options.skip_tokens:
            return content
        kind = find_authentication(destination.authentication)
        try:
            tokens = await kind(Occasion(destination, caller, options), self.means)
        except TokenFailure as error:
            log.warning(
                "token_retrieval_failed",
                destination=destination.name,
                authentication=destination.authentication,
                zid=caller.zid,
                instance_id=caller.instance_id,
                reason=error.detail,
            )
            tokens = [failure(error.detail)]
        if tokens is not None:
            content["authTokens"] = tokens
        return content


def owner(found: Stored, caller: Caller) -> dict[str, str | None]:
    """Return whose destination it is: clients tell instance from subaccount by what is null here."""
    subaccount_id = caller.subaccount_id if found.level.zid == caller.zid else found.level.zid
    return {"SubaccountId": subaccount_id, "InstanceId": found.level.instance_id or None}
