"""`/.well-known/openid-configuration` and `/oauth2/certs`: what everybody, or every related application, may know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse

from entryway.idp.pages import wording
from entryway.oauth import client_assertions, pkce
from entryway.oauth.errors import InvalidRequest
from entryway.oauth.keys import ALGORITHM
from entryway.web.authorization_answer import MODES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.store import Applications
    from entryway.idp.oidc.grants import GrantTable
    from entryway.idp.settings import IdpSettings
    from entryway.idp.signing_keys import SigningKeys

# Some clients, MSAL among them, take no issuer without a path, and one of the same host as good as the same.
DOCUMENT_PATHS = ("/.well-known/openid-configuration", "/oauth2/.well-known/openid-configuration")
# Below the time for which a new key is published before it signs.
_MAX_AGE = "public, max-age=300"
_CLAIMS = (
    *("sub", "iss", "aud", "azp", "exp", "iat", "auth_time", "amr", "nonce", "at_hash", "sid"),
    *("email", "email_verified", "given_name", "family_name", "name", "preferred_username"),
    *("groups", "user_uuid", "scim_id", "app_tid"),
)
_CLIENT, _AZP, _TENANT = "x-client_id", "x-azp", "x-app_tid"


@dataclass(frozen=True, slots=True)
class DiscoveryEndpoints:
    """Public documents."""

    settings: IdpSettings
    keys: SigningKeys
    applications: Applications
    grants: GrantTable

    async def document(self, request: Request) -> Response:
        """Answer the metadata document."""
        del request
        return JSONResponse(metadata(self.settings.public_url, self.grants), headers={"cache-control": _MAX_AGE})

    async def certs(self, request: Request) -> Response:
        """Answer the keys; a caller that says who it is and for whom gets them only if the two are related."""
        await self._check_relation(request)
        ring = await self.keys.ring()
        headers = {"cache-control": _MAX_AGE, "vary": f"{_CLIENT}, {_AZP}, {_TENANT}"}
        return JSONResponse({"keys": [key.public_jwk for key in ring.published]}, headers=headers)

    async def health(self, request: Request) -> Response:
        """Answer that the identity provider is there and its keys can be used."""
        del request
        await self.keys.ring()
        return PlainTextResponse("ok")

    async def _check_relation(self, request: Request) -> None:
        client_id, azp, app_tid = (request.headers.get(name) or None for name in (_CLIENT, _AZP, _TENANT))
        application = await self._application(client_id, _CLIENT)
        caller = await self._application(azp, _AZP)
        if app_tid is not None:
            if application is None:
                raise InvalidRequest(f"{_TENANT} needs {_CLIENT}")
            if not application.serves(app_tid):
                raise InvalidRequest("The tenant has no relation to this application")
        if application is not None and caller is not None and not _may_call(caller, application):
            raise InvalidRequest("The calling application has no relation to this application")

    async def _application(self, client_id: str | None, header: str) -> Application | None:
        if client_id is None:
            return None
        application = await self.applications.find(client_id)
        if application is None:
            raise InvalidRequest(f"{header} names no application")
        return application


def _may_call(caller: Application, application: Application) -> bool:
    known = {dependency.client_id for dependency in caller.settings.dependencies.values()}
    return application.client_id in {caller.client_id, *known}


def metadata(url: str, grants: GrantTable) -> dict[str, Any]:
    """Return the metadata of the provider at `url` (OpenID Connect Discovery)."""
    certificates = ["tls_client_auth", "self_signed_tls_client_auth"]
    methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", *certificates, "none"]
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/oauth2/authorize",
        "token_endpoint": f"{url}/oauth2/token",
        "userinfo_endpoint": f"{url}/oauth2/userinfo",
        "jwks_uri": f"{url}/oauth2/certs",
        "end_session_endpoint": f"{url}/oauth2/logout",
        "introspection_endpoint": f"{url}/oauth2/introspect",
        "revocation_endpoint": f"{url}/oauth2/revoke",
        "tls_client_certificate_bound_access_tokens": True,
        # Some clients fail without this list, though it is optional.
        "grant_types_supported": list(grants),
        "response_types_supported": ["code"],
        "response_modes_supported": list(MODES),
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": ["openid", "profile", "email", "groups"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods[:-1],
        "revocation_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(client_assertions.ALGORITHMS),
        "code_challenge_methods_supported": list(pkce.METHODS),
        "prompt_values_supported": ["none", "login", "select_account"],
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "claim_types_supported": ["normal"],
        "claims_supported": list(_CLAIMS),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "ui_locales_supported": list(wording.LANGUAGES),
    }
