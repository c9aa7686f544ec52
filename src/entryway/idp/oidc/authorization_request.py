"""What an application asks at the authorization endpoint, parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from entryway.oauth import pkce, scopes
from entryway.oauth.errors import InvalidRequest, UnsupportedResponseType
from entryway.oauth.pkce import Challenge
from entryway.web.authorization_answer import MODES, QUERY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entryway.idp.applications.application import Application

LONGEST_STATE = 4000
_OLDEST_AGE = 10 * 365 * 24 * 3600
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request whose application and redirect_uri are known to be good."""

    redirect_uri: str
    redirect_uri_given: bool
    scopes: frozenset[str]
    state: str | None
    nonce: str | None
    challenge: Challenge | None
    app_tid: str
    silent: bool
    authenticated_since: datetime | None
    # How the answer travels.
    response_mode: str = QUERY

    def to_json(self) -> dict[str, Any]:
        """Return the form in which a login keeps it."""
        return {
            "redirect_uri": self.redirect_uri,
            "redirect_uri_given": self.redirect_uri_given,
            "scopes": sorted(self.scopes),
            "state": self.state,
            "nonce": self.nonce,
            "challenge": [self.challenge.value, self.challenge.method] if self.challenge else None,
            "app_tid": self.app_tid,
            "response_mode": self.response_mode,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> AuthorizationRequest:
        """Return what `to_json` was made from; what was for the login alone is over."""
        return cls(
            redirect_uri=stored["redirect_uri"],
            redirect_uri_given=stored["redirect_uri_given"],
            scopes=frozenset(stored["scopes"]),
            state=stored["state"],
            nonce=stored["nonce"],
            challenge=Challenge(*stored["challenge"]) if stored["challenge"] else None,
            app_tid=stored["app_tid"],
            silent=False,
            authenticated_since=None,
            response_mode=stored.get("response_mode", QUERY),
        )


def parse(
    parameters: Mapping[str, str], application: Application, redirect_uri: str, now: datetime
) -> AuthorizationRequest:
    """Return the request, or raise what the application is told in the redirect."""
    if parameters.get("response_type") != "code":
        raise UnsupportedResponseType
    response_mode = parameters.get("response_mode", QUERY)
    if response_mode not in MODES:
        raise InvalidRequest("The response_mode must be query, fragment or form_post")
    if "request" in parameters or "request_uri" in parameters:
        raise InvalidRequest("Request objects are not supported")
    if any(len(parameters.get(name, "")) > LONGEST_STATE for name in ("state", "nonce")):
        raise InvalidRequest("state and nonce can have 4000 characters at most")
    challenge = pkce.challenge_of(parameters)
    if application.settings.public and (challenge is None or challenge.method != "S256"):
        # RFC 9700 §2.1.1: nothing else keeps a public client's code for itself.
        raise InvalidRequest("A public client must send a code_challenge with the method S256")
    prompts = frozenset(parameters.get("prompt", "").split())
    if prompts - _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequest("The prompt is not supported")
    return AuthorizationRequest(
        redirect_uri=redirect_uri,
        redirect_uri_given="redirect_uri" in parameters,
        scopes=scopes.parse(parameters.get("scope")),
        state=parameters.get("state"),
        nonce=parameters.get("nonce"),
        challenge=challenge,
        app_tid=application.tenant(parameters.get("app_tid")),
        silent="none" in prompts,
        authenticated_since=_authenticated_since(prompts, parameters.get("max_age"), now),
        response_mode=response_mode,
    )


def _authenticated_since(prompts: frozenset[str], max_age: str | None, now: datetime) -> datetime | None:
    if {"login", "select_account"} & prompts:
        return now
    if max_age is None:
        return None
    if not max_age.isascii() or not max_age.isdigit() or int(max_age[:10]) > _OLDEST_AGE:
        raise InvalidRequest("max_age must be a number of seconds")
    return now - timedelta(seconds=int(max_age))
