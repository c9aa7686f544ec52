"""What tokens say, decided without touching anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from entryway.idp.applications.settings import CLAIM, RESERVED_CLAIMS
from entryway.oauth import tokens

if TYPE_CHECKING:
    from datetime import datetime

    from entryway.idp.applications.application import Application
    from entryway.idp.oidc.authorizations import Authorization
    from entryway.idp.users.user import User

DEFAULT_CLAIMS = {
    "email": "email",
    "given_name": "given_name",
    "family_name": "family_name",
    "groups": "groups",
    # What many clients show, which know nothing of other names (OpenID Connect Core §5.1).
    "name": "display_name",
    "preferred_username": "user_name",
}


@dataclass(frozen=True, slots=True)
class PassedOn:
    """What a company's provider says of a user, as applications are told it."""

    groups: tuple[str, ...] = ()
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """A user with the names of their groups, and what a company's provider says besides."""

    user: User
    groups: Sequence[str]
    passed_on: PassedOn = field(default_factory=PassedOn)

    def value(self, source: str) -> str | list[str] | None:
        """Return what a source of claims says of this person, None where it says nothing."""
        values = self.user.values
        if source.startswith("attribute:"):
            name = source.removeprefix("attribute:")
            found = list(values.attributes.get(name) or self.passed_on.attributes.get(name) or ())
            return found[0] if len(found) == 1 else found or None
        fields: dict[str, str | list[str]] = {
            "user_id": self.user.id,
            "user_name": values.user_name,
            "email": values.email,
            "given_name": values.given_name,
            "family_name": values.family_name,
            "display_name": self.user.full_name,
            "groups": list(dict.fromkeys((*self.groups, *self.passed_on.groups))),
        }
        return fields[source] or None


@dataclass(frozen=True, slots=True)
class Occasion:
    """When a token is made, for how long it is good, and its name."""

    jti: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a token is for: the application itself, or another one whose interfaces it may call."""

    audience: str
    app_tid: str
    apis: Sequence[str] = ()


def subject(application: Application, person: Person) -> str:
    """Return the name by which an application knows a user; the id where the user has no such value."""
    value = person.value(application.settings.subject)
    if isinstance(value, list):
        value = value[0]
    return value or person.user.id


def of_user(
    *,
    issuer: str,
    application: Application,
    person: Person,
    authorization: Authorization,
    target: Target,
    occasion: Occasion,
) -> dict[str, Any]:
    """Return what every token for a user says."""
    mapping = DEFAULT_CLAIMS | application.settings.claims
    mapped = {claim: person.value(source) for claim, source in mapping.items()}
    body: dict[str, Any] = {
        **_said_elsewhere(person.passed_on),
        **{claim: value for claim, value in mapped.items() if value is not None},
        **_of_every_token(issuer, application, target, occasion),
        "sub": subject(application, person),
        "user_uuid": person.user.id,
        "scim_id": person.user.id,
        "sap_id_type": "user",
        "auth_time": int(authorization.authenticated_at.timestamp()),
        "amr": list(authorization.methods),
    }
    if "email" in body:
        # What an application is told as `email` may be another attribute, or what a company's provider says.
        ours = person.user.values
        body["email_verified"] = ours.email_verified and body["email"] == ours.email
    if authorization.session_id is not None:
        body["sid"] = authorization.session_id
    return body


def _said_elsewhere(passed_on: PassedOn) -> dict[str, Any]:
    """Return what a company's provider says, one to one, but for what only we can say."""
    return {
        name: values[0] if len(values) == 1 else list(values)
        for name, values in passed_on.attributes.items()
        if name not in RESERVED_CLAIMS and CLAIM.fullmatch(name)
    }


def access_of_user(body: Mapping[str, Any], authorization: Authorization) -> dict[str, Any]:
    """Return an access token's claims; `scope` is what tells it from an id token."""
    return {**body, "scope": " ".join(sorted(authorization.scopes)), "authorization": authorization.id}


def id_token(body: Mapping[str, Any], nonce: str | None, access_token: str) -> dict[str, Any]:
    """Return an id token's claims (OpenID Connect Core §2, §3.1.3.6)."""
    at_hash = tokens.at_hash(access_token)
    return {**body, "at_hash": at_hash, **({"nonce": nonce} if nonce is not None else {})}


def of_application(issuer: str, application: Application, target: Target, occasion: Occasion) -> dict[str, Any]:
    """Return what a token of the application itself says."""
    return {
        **_of_every_token(issuer, application, target, occasion),
        "sub": application.client_id,
        "sap_id_type": "app",
        "scope": "",
    }


def _of_every_token(issuer: str, application: Application, target: Target, occasion: Occasion) -> dict[str, Any]:
    body: dict[str, Any] = {
        "iss": issuer,
        "aud": target.audience,
        "azp": application.client_id,
        "jti": occasion.jti,
        "iat": int(occasion.issued_at.timestamp()),
        "exp": int(occasion.expires_at.timestamp()),
    }
    if target.app_tid:
        body |= {"app_tid": target.app_tid, "zone_uuid": target.app_tid}
    if target.audience != application.client_id:
        body |= {"ias_apis": list(target.apis), "azp_app_tid": application.app_tid}
    return body
