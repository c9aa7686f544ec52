"""What can be wrong with a SAML message; the reason goes to the log and the audit trail, never to a browser."""

from __future__ import annotations

from entryway.errors import BadRequest


class SamlInvalid(BadRequest):
    """A SAML message or document that cannot be believed."""

    code = "saml_invalid"
    title = "The message of the identity provider or application could not be accepted"


class InteractionNeeded(SamlInvalid):
    """The identity provider would have to ask the user something, and was told not to."""
