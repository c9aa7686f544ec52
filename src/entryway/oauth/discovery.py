"""The metadata document of an authorization server (OpenID Connect Discovery, RFC 8414)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entryway.oauth import client_assertions, pkce
from entryway.oauth.keys import ALGORITHM

if TYPE_CHECKING:
    from collections.abc import Iterable


# RFC 8414 names for how clients prove who they are.
_CLIENT_AUTHENTICATION = [
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
]


def document(url: str, certificate_url: str, grant_types: Iterable[str]) -> dict[str, Any]:
    """Return the metadata of the server at `url`; clients with a TLS certificate come to `certificate_url`."""
    return {
        "issuer": f"{url}/oauth/token",
        "authorization_endpoint": f"{url}/oauth/authorize",
        "token_endpoint": f"{url}/oauth/token",
        "userinfo_endpoint": f"{url}/userinfo",
        "jwks_uri": f"{url}/token_keys",
        "end_session_endpoint": f"{url}/logout.do",
        "introspection_endpoint": f"{url}/oauth/introspect",
        "revocation_endpoint": f"{url}/oauth/revoke",
        "mtls_endpoint_aliases": {
            "token_endpoint": f"{certificate_url}/oauth/token",
            "authorization_endpoint": f"{certificate_url}/oauth/authorize",
            "introspection_endpoint": f"{certificate_url}/oauth/introspect",
            "revocation_endpoint": f"{certificate_url}/oauth/revoke",
        },
        "tls_client_certificate_bound_access_tokens": True,
        # Some clients fail without this list, though it is optional.
        "grant_types_supported": list(grant_types),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": ["openid", "profile", "email", "phone", "roles", "user_attributes"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": _CLIENT_AUTHENTICATION,
        "token_endpoint_auth_signing_alg_values_supported": list(client_assertions.ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": _CLIENT_AUTHENTICATION[:-1],
        "introspection_endpoint_auth_signing_alg_values_supported": list(client_assertions.ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": _CLIENT_AUTHENTICATION,
        "revocation_endpoint_auth_signing_alg_values_supported": list(client_assertions.ALGORITHMS),
        "code_challenge_methods_supported": list(pkce.METHODS),
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "sub",
            "user_name",
            "origin",
            "iss",
            "auth_time",
            "amr",
            "aud",
            "azp",
            "nonce",
            "at_hash",
            "given_name",
            "family_name",
            "name",
            "preferred_username",
            "email",
            "email_verified",
            "previous_logon_time",
            "zid",
            "user_uuid",
            "user_id",
            "client_id",
            "cid",
            "grant_type",
            "rev_sig",
            "jti",
            "iat",
            "exp",
            "phone_number",
            "roles",
            "user_attributes",
        ],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "ui_locales_supported": ["en", "de"],
        "service_documentation": f"{url}/openapi.json",
    }
