"""What an assertion says about a user, decided without touching anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.saml import names
from entryway.saml.subjects import LONGEST, NameId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entryway.idp.applications.application import Application
    from entryway.idp.oidc.claims import Person
    from entryway.idp.saml.partners import Partner
    from entryway.saml.issuing import Signed

# The names that service providers of this kind expect.
DEFAULT_ATTRIBUTES = {
    "mail": "email",
    "first_name": "given_name",
    "last_name": "family_name",
    "Groups": "groups",
    "user_uuid": "user_id",
}
UNSPECIFIED_CONTEXT = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
CONTEXTS = (names.PASSWORD_CONTEXT, "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", UNSPECIFIED_CONTEXT)
NO_AUTHN_CONTEXT = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"


def name_id(application: Application, person: Person, wanted: str | None, transient: str, issuer: str) -> NameId | None:
    """Return how the user is called towards an application; None where there is no such name."""
    match wanted:
        case names.EMAIL:
            value = person.user.email
        case names.PERSISTENT:
            value = person.user.id
        case names.TRANSIENT:
            value = transient
        case None | names.UNSPECIFIED:
            found = person.value(application.settings.subject) or person.user.id
            value, wanted = (found if isinstance(found, str) else found[0]), names.UNSPECIFIED
        case _:
            return None
    if not value or len(value) > LONGEST:
        return None
    return NameId(value, wanted, name_qualifier=issuer if wanted in {names.PERSISTENT, names.TRANSIENT} else None)


def authn_context(requested: Sequence[str]) -> str | None:
    """Return the class of the login to name in the assertion; None where none of those asked for fits."""
    if not requested:
        return names.PASSWORD_CONTEXT
    return next((one for one in requested if one in CONTEXTS), None)


def signed(partner: Partner) -> Signed:
    """Return what of a response is signed: what the settings say, and what the metadata insists on."""
    wanted = partner.application.settings.saml_signed
    return "both" if wanted == "response" and partner.metadata.wants_assertions_signed else wanted


def attributes(application: Application, person: Person) -> Mapping[str, Sequence[str]]:
    """Return the attributes: those that are usual, and those that the application has mapped."""
    said = {name: list(values) for name, values in person.passed_on.attributes.items()}
    mapping = DEFAULT_ATTRIBUTES | application.settings.claims
    found = said | {name: value for name, source in mapping.items() if (value := person.value(source))}
    return {name: [value] if isinstance(value, str) else value for name, value in found.items()}
