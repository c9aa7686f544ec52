"""Why a tenant does not let in whom an identity provider vouches for."""

from __future__ import annotations

from entryway.errors import Forbidden


class ShadowUserMissing(Forbidden):
    """The provider vouches for somebody whom the tenant does not know, and does not take in by itself."""

    code = "shadow_user_missing"
    title = "You are not known here yet. Please ask your administrator to create your user."


class NoProvider(Forbidden):
    """Nothing is on offer where the user could log in."""

    code = "no_identity_provider"
    title = "No identity provider is available for this login"
