"""Pages for somebody who is logged in: a passcode for programs, and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from entryway.authserver import edge, sessions
from entryway.errors import NotFound
from entryway.oauth import parameters
from entryway.oauth.errors import LoginRequired
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.login_flow import LoginFlow
    from entryway.authserver.pages import Pages
    from entryway.authserver.passcodes import Passcodes
    from entryway.authserver.roles import Roles
    from entryway.authserver.sessions import Sessions
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone, Zones

log = get_logger(__name__)

PASSCODE = "/passcode"
WHO = "/config?action=who"


class NoSuchAction(NotFound):
    """The address has no page of this name."""

    code = "action_unknown"
    title = "There is no such page"


class NotLoggedIn(LoginRequired):
    """A program that reads JSON cannot fill in a form."""

    status = 401


@dataclass(frozen=True, slots=True)
class AccountPages:
    """Whoever is not logged in logs in first and comes back."""

    settings: AuthServerSettings
    zones: Zones
    sessions: Sessions
    roles: Roles
    passcodes: Passcodes
    flow: LoginFlow
    pages: Pages

    async def passcode(self, request: Request) -> Response:
        """Show a new passcode."""
        query = parameters.parse(request.scope["query_string"])
        zone = await edge.zone_of(request, self.zones, self.settings, query)
        logged_in = await self.sessions.load(zone.id, request.cookies.get(sessions.LOGIN_COOKIE))
        if logged_in is None:
            return await self._log_in(request, zone, PASSCODE)
        code = await self.passcodes.issue(zone.id, logged_in)
        log.info("passcode_issued", user_id=logged_in.user.id)
        if _wants_json(request):
            return JSONResponse({"passcode": code})
        return self.pages.passcode(code)

    async def who(self, request: Request) -> Response:
        """Show who is logged in, with role collections; in detail, also with scopes and what their provider told."""
        query = parameters.parse(request.scope["query_string"])
        zone = await edge.zone_of(request, self.zones, self.settings, query)
        if query.get("action") != "who":
            raise NoSuchAction(query.get("action", ""))
        in_detail = query.get("details") == "true"
        logged_in = await self.sessions.load(zone.id, request.cookies.get(sessions.LOGIN_COOKIE))
        if logged_in is None:
            return await self._log_in(request, zone, WHO + ("&details=true" if in_detail else ""))
        user, entitlements = logged_in.user, await self.roles.of_user(logged_in.user)
        facts = {
            "user_id": user.id,
            "user_name": user.user_name,
            "origin": user.origin,
            "given_name": user.given_name,
            "family_name": user.family_name,
            "email": user.email,
            "zone": zone.subdomain,
        }
        lists = {"groups": list(entitlements.groups), "role_collections": list(entitlements.collections)}
        attributes = {name: list(values) for name, values in sorted(entitlements.told.items())}
        if in_detail:
            lists["scopes"] = sorted(entitlements.scopes)
        if _wants_json(request):
            return JSONResponse({**facts, **lists, **({"attributes": attributes} if in_detail else {})})
        if in_detail:
            lists["attributes"] = [f"{name}: {', '.join(values)}" for name, values in attributes.items()]
        return self.pages.who(facts, lists)

    async def _log_in(self, request: Request, zone: Zone, afterwards: str) -> Response:
        if _wants_json(request):
            raise NotLoggedIn
        return await self.flow.begin(request, zone.id, None, afterwards=afterwards)


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "").startswith("application/json")
