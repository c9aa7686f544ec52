"""Why a login at an identity provider did not succeed."""

from __future__ import annotations

from entryway.errors import Forbidden, UpstreamError


class LoginRefused(Forbidden):
    """The identity provider's answer was not accepted; the reason is for the log and the audit trail."""

    code = "login_refused"
    title = "The login at your identity provider failed. Please go back to the application and try again."


class ProviderDisabled(Forbidden):
    """The administrator has switched the identity provider off."""

    code = "identity_provider_disabled"
    title = "The identity provider has been disabled by the administrator"


class ShadowUserMissing(Forbidden):
    """The provider vouches for somebody whom the tenant does not know, and does not take in by itself."""

    code = "shadow_user_missing"
    title = "You are not known here yet. Please ask your administrator to create your user."


class NoProvider(Forbidden):
    """Nothing is on offer where the user could log in."""

    code = "no_identity_provider"
    title = "No identity provider is available for this login"


class ProviderUnavailable(UpstreamError):
    """An OpenID Connect provider cannot be asked, or does not answer as the standard says."""

    code = "identity_provider_unavailable"
    title = "Your identity provider cannot be reached at the moment. Please try again later."
