"""Maintaining destinations with the right of one service instance: what the broker does when it creates one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from entryway.clients.access import BearerCaller, PlatformRefused
from entryway.errors import UpstreamError

Level = Literal["subaccount", "instance"]


@dataclass(frozen=True, slots=True)
class DestinationAdmin:
    """Speaks the destination service's interface for maintenance."""

    caller: BearerCaller

    async def create(self, level: Level, document: Mapping[str, Any]) -> bool:
        """Create a destination; return False if there is one of its name already."""
        try:
            await self.caller.send("POST", _path(level), json=dict(document))
        except PlatformRefused as error:
            if error.answered == 409:
                return False
            raise
        return True

    async def replace(self, level: Level, document: Mapping[str, Any]) -> None:
        """Overwrite the destination of the same name."""
        await self.caller.send("PUT", _path(level), json=dict(document))

    async def names(self, level: Level) -> list[str]:
        """Return the names of all destinations of the level."""
        answer = await self.caller.send("GET", f"{_path(level)}?$select=Name")
        try:
            return [str(entry["Name"]) for entry in json.loads(answer.content)]
        except (ValueError, KeyError, TypeError) as error:
            raise UpstreamError(answer.origin, "answered no list of destinations") from error

    async def delete(self, level: Level, name: str) -> None:
        """Delete a destination; one that is gone already is no error."""
        try:
            await self.caller.send("DELETE", f"{_path(level)}/{quote(name, safe='')}")
        except PlatformRefused as error:
            if error.answered != 404:
                raise


def _path(level: Level) -> str:
    return f"/destination-configuration/v1/{level}Destinations"
