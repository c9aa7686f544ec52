"""What a page may ask about its user: who it is, and with which attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from entryway.http import Headers, Response
from entryway.router.authority import Authorities
from entryway.router.errors import LoginRequired, RouteNotFound
from entryway.router.sessions import Login

ENDPOINTS = ("currentUser", "attributes")


async def answer(target: str, login: Login | None, authorities: Authorities) -> Response:
    """Answer the endpoint that the rewritten path ends in."""
    name = target.partition("?")[0].rstrip("/").rpartition("/")[2]
    if name not in ENDPOINTS:
        raise RouteNotFound(f"the user API has {' and '.join(ENDPOINTS)}, not {name!r}")
    authority = authorities.of_login(login)
    if login is None or authority is None:
        raise LoginRequired("the user API knows users who have logged in only")
    user = current_user(login.claims)
    if name == "attributes":
        del user["displayName"]
        user.update(await authority.attributes(login))
    body = json.dumps(user, indent=2, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-cache, no-store")]
    return Response(200, Headers(headers), body)


def current_user(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user in the form that pages expect."""
    first, last, email = (str(claims.get(name) or "") for name in ("given_name", "family_name", "email"))
    # The identity service names users by an id that stays when their e-mail address changes.
    identity = claims.get("user_uuid")
    name = str(identity or claims.get("user_name") or claims.get("sub") or "")
    return {
        "firstname": first,
        "lastname": last,
        "email": email,
        "name": name,
        "scopes": list(claims.get("scope", ())),
        "displayName": f"{first} {last} ({name})".strip(),
    }
