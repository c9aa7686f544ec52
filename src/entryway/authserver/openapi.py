"""`/openapi.json`: the endpoints of OAuth for tools. Administration describes itself (`rest/openapi.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

_PROOF = {
    "client_id": "who asks, unless the Authorization header says",
    "client_secret": "its secret, unless the Authorization header has it",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": "a signed assertion instead of a secret",
}
_GRANT = {
    "scope": "scopes, separated by blanks or commas; empty: all",
    "response_type": "token, id_token or both",
    "token_format": "jwt or opaque",
    "authorities": 'further claims: {"az_attr": {…}}',
    "login_hint": "the identity provider to log in at",
    "code": "of authorization_code",
    "redirect_uri": "of authorization_code: the one of the authorization request",
    "code_verifier": "of authorization_code: what the challenge was made of",
    "refresh_token": "of refresh_token",
    "username": "of password",
    "password": "of password",
    "passcode": "of password: instead of name and password",
    "assertion": "of jwt-bearer and saml2-bearer",
    "subject_token": "of token-exchange",
    "subject_token_type": "of token-exchange",
    "audience": "of token-exchange",
}
_AUTHORIZE = {
    "redirect_uri": "where to send the browser: one that is registered",
    "scope": "scopes, separated by blanks; empty: all",
    "response_mode": "query, fragment or form_post",
    "state": "comes back",
    "nonce": "comes back in the id_token",
    "code_challenge": "PKCE",
    "code_challenge_method": "S256 or plain",
    "prompt": "none or login",
    "max_age": "seconds since the login, at most",
    "login_hint": "the identity provider or the user",
    "idp": "the identity provider",
    "ui_locales": "languages, the best first",
}


def document(grant_types: Iterable[str]) -> dict[str, Any]:
    """Return the description of the endpoints of OAuth and OpenID Connect."""
    client: list[dict[str, list[str]]] = [{"client": []}, {}]
    token = _form({"grant_type": {"enum": sorted(grant_types)}} | _texts(_GRANT | _PROOF), ["grant_type"])
    about_token = _form(_texts({"token": "the token", "token_type_hint": "its kind"} | _PROOF), ["token"])
    checked = _form(_texts({"token": "the token", "scopes": "scopes that it must have"} | _PROOF), ["token"])
    authorize = _query({"response_type": {"enum": ["code"]}, "client_id": _TEXT} | _texts(_AUTHORIZE))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Entryway authorization server", "version": "1"},
        "paths": {
            "/oauth/token": {"post": _operation("Get tokens", client, requestBody=token)},
            "/oauth/authorize": {"get": _operation("Log a user in, in a browser", [{}], parameters=authorize)},
            "/oauth/revoke": {"post": _operation("End a token", client, requestBody=about_token)},
            "/introspect": {"post": _operation("Tell what a token says", client, requestBody=about_token)},
            "/oauth/introspect": {"post": _operation("Tell it as RFC 7662 does", client, requestBody=about_token)},
            "/check_token": {"post": _operation("Tell what a token says, or why not", client, requestBody=checked)},
            "/userinfo": {"get": _operation("Tell who the token's user is", [{"bearer": []}])},
            "/oauth/token/list": {"get": _operation("List one's own opaque tokens", [{"bearer": []}])},
            "/token_keys": {"get": _operation("The keys that verify tokens", [{}], parameters=_query({"zid": _TEXT}))},
            "/token_key": {"get": _operation("The key that signs now", [{}], parameters=_query({"zid": _TEXT}))},
            "/.well-known/openid-configuration": {"get": _operation("The metadata document", [{}])},
            "/logout.do": {
                "get": _operation(
                    "Log out in a browser",
                    [{}],
                    parameters=_query(
                        dict.fromkeys(
                            ("redirect", "client_id", "post_logout_redirect_uri", "id_token_hint", "state"), _TEXT
                        )
                    ),
                )
            },
        },
        "components": {
            "securitySchemes": {
                "client": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            }
        },
    }


def route(grant_types: Iterable[str]) -> Route:
    """Return where the description is."""
    described = document(grant_types)

    async def answer(request: Request) -> Response:
        del request
        return JSONResponse(described, headers={"cache-control": "public, max-age=300"})

    return Route("/openapi.json", answer, methods=["GET"])


_TEXT: dict[str, Any] = {"type": "string", "maxLength": 4000}


def _texts(described: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    return {name: _TEXT | {"description": text} for name, text in described.items()}


def _form(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": dict(properties), "required": required}
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}


def _query(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "required": name == "response_type",
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in properties.items()
    ]


def _operation(summary: str, security: list[dict[str, list[str]]], **more: Any) -> dict[str, Any]:
    refused = {"4XX": {"description": "Refused; the body says why"}}
    return {
        "summary": summary,
        "security": security,
        **more,
        "responses": {"200": {"description": "Done"}, "302": {"description": "The browser is sent on"}, **refused},
    }
