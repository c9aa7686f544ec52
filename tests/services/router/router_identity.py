"""An identity service behind a router: logs everybody in, and signs what it says with real keys."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from router_neighbours import answer

from entryway.http import Headers, Request, Response, Server
from entryway.router.logout_token import EVENT
from entryway.testing.issuer import SigningKey, new_key

TENANTS = "/sap/rest/tenantLoginInfo/"
FRAMES = "/sap/rest/authorization/v2/securitySettings/public"
CLIENT = "identity-client"
SECRET = "identity-secret"
TENANT = "99999999-2222-4333-8444-555555555555"
USER = "00000000-0000-4000-8000-000000000042"


@dataclass
class IdentityServer:
    """Says yes to everybody, unless a test wants otherwise."""

    clock: Callable[[], float]
    key: SigningKey = field(default_factory=lambda: new_key("identity-key"))
    url: str = ""
    jwks_uri: str | None = None
    expires_in: int = 3600
    claims: dict[str, Any] = field(default_factory=dict)
    token_failure: dict[str, tuple[int, Any]] = field(default_factory=dict)
    keys_failure: int | None = None
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Path with query, and the form with the headers under `header:`."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    sid: str = ""
    issued: int = 0
    tenants: dict[str, Any] = field(default_factory=dict)
    """What the platform's directory answers, by what it is asked for: `?id=…` or a subdomain."""
    tenants_failure: int | None = None
    hold: asyncio.Event | None = None

    def credentials(self, **more: Any) -> dict[str, Any]:
        own = {
            "url": self.url,
            "clientid": CLIENT,
            "clientsecret": SECRET,
            "app_tid": TENANT,
            "domains": ["accounts.example"],
            "authorization_endpoint": f"{self.url}/oauth2/authorize",
            "end_session_endpoint": f"{self.url}/oauth2/logout",
        }
        return {name: value for name, value in (own | more).items() if value is not None}

    def asked(self, path: str) -> list[dict[str, str]]:
        return [form for target, form in self.requests if target.partition("?")[0] == path]

    def grants(self, grant: str) -> list[dict[str, str]]:
        return [form for form in self.asked("/oauth2/token") if form["grant_type"] == grant]

    def sign(self, claims: dict[str, Any], key: SigningKey | None = None) -> str:
        key = key or self.key
        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": key.kid}, present, key.key)

    def token(self, kind: str) -> str:
        self.issued += 1
        now = int(self.clock())
        claims = {
            "iss": self.url, "aud": CLIENT, "azp": CLIENT, "app_tid": TENANT, "sub": USER, "user_uuid": USER,
            "given_name": "Jo", "family_name": "Doe", "email": "jo@example.com", "groups": ["Viewers"], "kind": kind,
            "sid": self.sid, "iat": now, "exp": now + self.expires_in, "jti": str(self.issued),
        }  # fmt: skip
        return self.sign(claims | self.claims)

    def logout_token(self, key: SigningKey | None = None, **more: Any) -> str:
        now = int(self.clock())
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": USER, "iat": now, "exp": now + 120, "jti": str(uuid.uuid4()),
            "sid": self.sid, "events": {EVENT: {}},
        }  # fmt: skip
        return self.sign(claims | more, key)

    async def handle(self, request: Request) -> Response:
        body = await request.body.read()
        target = urlsplit(request.target)
        form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        headers = {f"header:{name.decode()}": value.decode() for name, value in request.headers.raw}
        self.requests.append((request.target, form | headers))
        if target.path == "/oauth2/authorize":
            return self._authorize({name: values[0] for name, values in parse_qs(target.query).items()})
        if target.path == "/oauth2/token":
            if self.hold is not None:
                await self.hold.wait()
            return self._token(form)
        if target.path.startswith(TENANTS):
            name = request.target.removeprefix(TENANTS)
            found = self.tenants.get(name if name.startswith("?") else name.partition("?")[0])
            return answer(self.tenants_failure or (404 if found is None else 200), found or {})
        documents = {
            "/.well-known/openid-configuration": {"jwks_uri": self.jwks_uri or f"{self.url}/oauth2/certs"},
            "/oauth2/certs": {"keys": [self.key.jwk]},
            FRAMES: {"iframeDomains": f"https://{target.query.partition('=')[2]}.example"},
        }
        status = self.keys_failure if target.path.startswith("/.well-known/") else None
        return answer(status or (200 if target.path in documents else 404), documents.get(target.path, {}))

    def _authorize(self, query: dict[str, str]) -> Response:
        code = f"identity-code-{len(self.codes)}"
        self.codes[code] = query
        parameters = {"code": code} | ({"state": query["state"]} if "state" in query else {})
        callback = query["redirect_uri"]
        location = f"{callback}{'&' if '?' in callback else '?'}{urlencode(parameters)}"
        return Response(302, Headers([(b"location", location.encode())]))

    def _token(self, form: dict[str, str]) -> Response:
        grant = form["grant_type"]
        if grant in self.token_failure:
            return answer(*self.token_failure[grant])
        if grant == "authorization_code":
            asked = self.codes.pop(form["code"], None)
            digest = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
            if asked is None or asked["code_challenge"] != digest.rstrip(b"=").decode():
                return answer(400, {"error": "invalid_grant"})
            self.sid = f"S-{uuid.uuid4().hex}"
        return answer(
            200,
            {
                "access_token": self.token("access"),
                "id_token": self.token("id"),
                "refresh_token": f"refresh-{self.issued}",
                "token_type": "Bearer",
                "expires_in": self.expires_in,
            },
        )


@asynccontextmanager
async def running_identity_server(clock: Callable[[], float]) -> AsyncIterator[IdentityServer]:
    service = IdentityServer(clock)
    server = Server(service.handle)
    host, port = await server.listen("127.0.0.1", 0)
    service.url = f"http://{host}:{port}"
    try:
        yield service
    finally:
        await server.close(grace_seconds=0)
