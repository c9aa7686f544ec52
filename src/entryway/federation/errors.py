"""Why a login at an identity provider did not succeed, or its configuration cannot be used."""

from __future__ import annotations

from entryway.errors import BadRequest, Forbidden, UpstreamError


class LoginRefused(Forbidden):
    """The identity provider's answer was not accepted; the reason is for the log and the audit trail."""

    code = "login_refused"
    title = "The login at your identity provider failed. Please go back to the application and try again."


class LogoutRefused(BadRequest):
    """What tells of a logout over there is no logout token that can be believed."""

    code = "logout_token_refused"
    title = "The logout token was not accepted"


class ProviderDisabled(Forbidden):
    """The administrator has switched the identity provider off."""

    code = "identity_provider_disabled"
    title = "The identity provider has been disabled by the administrator"


class ProviderUnavailable(UpstreamError):
    """An OpenID Connect provider cannot be asked, or does not answer as the standard says."""

    code = "identity_provider_unavailable"
    title = "Your identity provider cannot be reached at the moment. Please try again later."


class InvalidTrust(BadRequest):
    """The configuration of an identity provider cannot be used."""

    code = "trust_invalid"
    title = "The configuration of the identity provider is not valid"
