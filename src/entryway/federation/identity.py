"""Who a user is, as an identity provider says it: read from an assertion or an id_token, in one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from entryway.federation.configuration import AttributeNames
    from entryway.saml.assertion import Assertion

LONGEST_NAME = 255
_MOST_GROUPS = 1000
# Claims that say something about the token, not about the user.
_OF_THE_TOKEN = frozenset(
    {"iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "at_hash", "c_hash", "auth_time", "acr", "amr", "sid"}
)
# Some providers have it as text.
_TRUE = (True, "true")


@dataclass(frozen=True, slots=True)
class Identity:
    """A user in the words of their provider; `attributes` holds everything it said, groups included."""

    user_name: str
    email: str
    given_name: str
    family_name: str
    groups: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]
    authenticated_at: datetime
    # Whether the provider vouches that the address is the user's.
    email_verified: bool = True
    # Whether it says so of this very address, rather than nothing; what a SAML provider says of addresses counts.
    email_confirmed: bool = True
    # How it names user and session, for the logout.
    subject: str = ""
    session_index: str | None = None
    session_ends_at: datetime | None = None


def of_assertion(assertion: Assertion, names: AttributeNames) -> Identity:
    """Return the identity in a SAML assertion: NameID, `mail`, `first_name`, `last_name`, `Groups`."""
    attributes = assertion.attributes

    def first(*candidates: str | None) -> str:
        return next((attributes[name][0] for name in candidates if name and attributes.get(name)), "")

    user_name = first(names.user_name) if names.user_name else assertion.name_id.value
    email = first(names.email, "mail", "email") or (user_name if "@" in user_name else "")
    return Identity(
        user_name=_named(user_name),
        email=email[:LONGEST_NAME],
        given_name=first(names.given_name, "first_name", "given_name", "givenName")[:LONGEST_NAME],
        family_name=first(names.family_name, "last_name", "family_name", "sn")[:LONGEST_NAME],
        groups=_groups(attributes.get(names.groups or "Groups", ())),
        attributes=attributes,
        authenticated_at=assertion.authenticated_at,
        subject=assertion.name_id.value,
        session_index=assertion.session_index,
        session_ends_at=assertion.session_ends_at,
    )


def of_claims(claims: Mapping[str, Any], names: AttributeNames, authenticated_at: datetime) -> Identity:
    """Return the identity in the claims of an id_token: `sub`, `email`, `given_name`, `family_name`, `groups`."""
    attributes = {
        name: values for name, value in claims.items() if name not in _OF_THE_TOKEN if (values := _texts(value))
    }

    def first(name: str) -> str:
        return next(iter(attributes.get(name, ())), "")

    email, is_verified = first(names.email or "email"), claims.get("email_verified", True) in _TRUE
    if not is_verified and names.user_name in {"email", names.email} - {None}:
        # Anybody could give themselves the name of somebody else.
        raise SamlInvalid("the user's name would be an address that the identity provider has not confirmed")
    return Identity(
        user_name=_named(first(names.user_name or "sub")),
        email=email[:LONGEST_NAME],
        given_name=first(names.given_name or "given_name")[:LONGEST_NAME],
        family_name=first(names.family_name or "family_name")[:LONGEST_NAME],
        groups=_groups(attributes.get(names.groups or "groups", ())),
        attributes=attributes,
        authenticated_at=authenticated_at,
        email_verified=is_verified,
        # OpenID Connect Core §5.1: it says so of the claim `email`, of no other.
        email_confirmed=is_verified and "email_verified" in claims and email == first("email"),
        subject=first("sub"),
        session_index=claims["sid"] if isinstance(claims.get("sid"), str) else None,
    )


def has_confirmed(values: Mapping[str, Sequence[str]], email: str) -> bool:
    """Return whether what a provider said at an earlier logon confirms an address; SAML has no word for it."""
    return "sub" not in values or (list(values.get("email_verified", ())), list(values.get("email", ()))) == (
        ["true"],
        [email],
    )


def _named(user_name: str) -> str:
    if not user_name.strip() or len(user_name) > LONGEST_NAME or not user_name.isprintable():
        raise SamlInvalid("the identity provider gives the user no name that can be used")
    return user_name


def _groups(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))[:_MOST_GROUPS]


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(
        str(one).lower() if isinstance(one, bool) else str(one) for one in values if isinstance(one, str | int | float)
    )
