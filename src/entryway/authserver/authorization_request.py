"""What a client asks at the authorization endpoint, parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from entryway.authserver.additional_attributes import parse_additional
from entryway.oauth import login_hints, pkce, scopes
from entryway.oauth.errors import InvalidRequest, UnsupportedResponseType
from entryway.oauth.pkce import Challenge
from entryway.web.authorization_answer import MODES, QUERY

if TYPE_CHECKING:
    from entryway.authserver.client import Client

LONGEST_STATE = 4000
LONGEST_LOCALES = 200
_OLDEST_AGE = 10 * 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request whose client and redirect_uri are known to be good.

    `authenticated_since` is when the user must have logged in at the earliest.
    """

    client_id: str
    redirect_uri: str
    redirect_uri_given: bool
    scopes: frozenset[str]
    state: str | None
    nonce: str | None
    challenge: Challenge | None
    silent: bool
    authenticated_since: datetime | None
    additional: Mapping[str, str] = field(default_factory=dict)
    # Where the user should log in: origins, the first of them ours to find, the rest for the one that was found.
    origins: tuple[str, ...] = ()
    # The name to log in by, as far as the client knows.
    login_name: str | None = None
    # The languages that the client would like its user to be spoken to in.
    ui_locales: str = ""
    # How the answer travels.
    response_mode: str = QUERY

    def to_json(self) -> dict[str, Any]:
        """Return the form in which a login attempt keeps it."""
        return {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "redirect_uri_given": self.redirect_uri_given,
            "scopes": sorted(self.scopes),
            "state": self.state,
            "nonce": self.nonce,
            "challenge": [self.challenge.value, self.challenge.method] if self.challenge else None,
            "silent": self.silent,
            "authenticated_since": self.authenticated_since.isoformat() if self.authenticated_since else None,
            "additional": dict(self.additional),
            "origins": list(self.origins),
            "login_name": self.login_name,
            "ui_locales": self.ui_locales,
            "response_mode": self.response_mode,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> AuthorizationRequest:
        """Return what `to_json` was made from."""
        since = stored["authenticated_since"]
        return cls(
            client_id=stored["client_id"],
            redirect_uri=stored["redirect_uri"],
            redirect_uri_given=stored["redirect_uri_given"],
            scopes=frozenset(stored["scopes"]),
            state=stored["state"],
            nonce=stored["nonce"],
            challenge=Challenge(*stored["challenge"]) if stored["challenge"] else None,
            silent=stored["silent"],
            authenticated_since=datetime.fromisoformat(since) if since else None,
            additional=stored["additional"],
            origins=tuple(stored["origins"]),
            login_name=stored["login_name"],
            ui_locales=stored["ui_locales"],
            response_mode=stored.get("response_mode", QUERY),
        )


def parse(parameters: Mapping[str, str], client: Client, redirect_uri: str, now: datetime) -> AuthorizationRequest:
    """Return the request, or raise what the client is told in the redirect."""
    if parameters.get("response_type") != "code":
        raise UnsupportedResponseType
    response_mode = parameters.get("response_mode", QUERY)
    if response_mode not in MODES:
        raise InvalidRequest("The response_mode must be query, fragment or form_post")
    if "request" in parameters or "request_uri" in parameters:
        raise InvalidRequest("Request objects are not supported")
    if any(len(parameters.get(name, "")) > LONGEST_STATE for name in ("state", "nonce")):
        raise InvalidRequest("The parameters state and nonce are limited in length")
    requested = scopes.parse(parameters.get("scope"))
    scopes.limit(client.user_scopes, client.user_scopes, requested)
    prompts = set(parameters.get("prompt", "").split())
    if "none" in prompts and len(prompts) > 1:
        raise InvalidRequest("prompt=none stands alone")
    origins, login_name = login_hints.parse(parameters.get("idp"), parameters.get("login_hint"))
    return AuthorizationRequest(
        client_id=client.id,
        redirect_uri=redirect_uri,
        redirect_uri_given="redirect_uri" in parameters,
        scopes=requested,
        state=parameters.get("state"),
        nonce=parameters.get("nonce"),
        challenge=pkce.challenge_of(parameters),
        silent="none" in prompts,
        authenticated_since=now if "login" in prompts else _oldest_login(parameters.get("max_age"), now),
        additional=parse_additional(parameters.get("authorities")),
        origins=origins,
        login_name=login_name,
        ui_locales=parameters.get("ui_locales", "")[:LONGEST_LOCALES],
        response_mode=response_mode,
    )


def _oldest_login(max_age: str | None, now: datetime) -> datetime | None:
    if not max_age:
        return None
    if not max_age.isascii() or not max_age.isdigit() or len(max_age) > 12:
        raise InvalidRequest("max_age must be a number of seconds")
    return now - timedelta(seconds=min(int(max_age), _OLDEST_AGE))
