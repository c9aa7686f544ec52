"""An application as the endpoints need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.oauth.errors import InvalidRequest, echo

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Literal

    from entryway.idp.applications.settings import ApplicationSettings


@dataclass(frozen=True, slots=True)
class Application:
    """`app_tid` is the tenant that it belongs to; its settings may name further ones that subscribed to it."""

    id: str
    client_id: str
    name: str
    app_tid: str
    settings: ApplicationSettings
    entity_id: str | None = None

    def serves(self, app_tid: str) -> bool:
        """Say whether a tenant may use this application."""
        return app_tid in {self.app_tid, *self.settings.tenants}

    def tenant(self, named: str | None) -> str:
        """Return the tenant that a request is for, or raise if it has nothing to do with this application."""
        if not named:
            return self.app_tid
        if not self.serves(named):
            raise InvalidRequest(f"The tenant {echo(named)} has no relation to this application")
        return named

    def second_factor(self, groups: Collection[str]) -> Literal["off", "enrolled", "required"]:
        """Return what is asked of a user in these groups: the first rule that fits decides."""
        for rule in self.settings.factor_rules:
            if not rule.groups or not set(rule.groups).isdisjoint(groups):
                return rule.second_factor
        return "enrolled"
