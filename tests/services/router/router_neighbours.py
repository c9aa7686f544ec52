"""Who stands behind a router in its tests: an authorization server, a destination service, a connectivity proxy."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from entryway.http import Headers, Request, Response, Server

JSON = [(b"content-type", b"application/json")]
PAGE = {"accept": "text/html", "user-agent": "Mozilla/5.0"}
"""What a browser says when a person wants a page."""
ZONE = "11111111-2222-4333-8444-555555555555"


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process or task does."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - there is nothing to subscribe to
            await asyncio.sleep(0.01)


def answer(status: int, content: Any) -> Response:
    return Response(status, Headers(JSON), json.dumps(content).encode())


def unsigned_token(claims: dict[str, Any]) -> str:
    """The router takes tokens from the token endpoint itself and looks at no signature."""
    parts = [json.dumps({"alg": "RS256"}), json.dumps(claims), "signature"]
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)


@dataclass
class LoginServer:
    """Says yes to everybody, unless a test wants otherwise."""

    clock: Callable[[], float]
    url: str = ""
    expires_in: int = 43_199
    scopes: tuple[str, ...] = ("openid", "shop!t1.viewer")
    claims: dict[str, Any] = field(default_factory=dict)
    authorize_error: str | None = None
    token_failure: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """By grant: status and body."""
    hold: asyncio.Event | None = None
    has_keys: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    """Forms of the token requests, with the headers under `header:`."""
    issued: int = 0

    def credentials(self, **more: Any) -> dict[str, Any]:
        return {
            "url": self.url,
            "clientid": "sb-shop!t1",
            "clientsecret": "s3cret-of-the-shop",
            "xsappname": "shop!t1",
            "identityzone": "acme",
            "identityzoneid": ZONE,
            "uaadomain": urlsplit(self.url).netloc,
            "tenantmode": "dedicated",
        } | more

    def grants(self, grant: str) -> list[dict[str, str]]:
        return [form for form in self.requests if form["grant_type"].endswith(grant)]

    def token(self, client: str) -> str:
        self.issued += 1
        now = int(self.clock())
        claims = {
            "sub": "7",
            "user_name": "alex",
            "given_name": "Alex",
            "family_name": "Example",
            "email": "alex@example.com",
            "cid": client,
            "aud": [client],
            "zid": ZONE,
            "scope": list(self.scopes),
            "exp": now + self.expires_in,
            "jti": str(self.issued),
        }
        return unsigned_token(claims | self.claims)

    async def handle(self, request: Request) -> Response:
        body = await request.body.read()
        target = urlsplit(request.target)
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        if target.path == "/oauth/authorize":
            return self._authorize(query)
        if target.path == "/oauth/token":
            form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
            headers = {f"header:{name.decode()}": value.decode() for name, value in request.headers.raw}
            return await self._token(form, headers)
        if target.path == "/token_keys" and self.has_keys:
            return answer(200, {"keys": []})
        if target.path == "/userinfo":
            return answer(200, {"user_attributes": {"country": ["DE"]}})
        return answer(404, {})

    def _authorize(self, query: dict[str, str]) -> Response:
        parameters = {"state": query["state"]} if "state" in query else {}
        if self.authorize_error is not None:
            parameters["error"] = self.authorize_error
        else:
            parameters["code"] = f"code-{len(self.codes)}"
            self.codes[parameters["code"]] = query
        callback = query["redirect_uri"]
        location = f"{callback}{'&' if '?' in callback else '?'}{urlencode(parameters)}"
        return Response(302, Headers([(b"location", location.encode())]))

    async def _token(self, form: dict[str, str], headers: dict[str, str]) -> Response:
        self.requests.append(form | headers)
        grant = form["grant_type"]
        if self.hold is not None:
            await self.hold.wait()
        if grant in self.token_failure:
            return answer(*self.token_failure[grant])
        if grant == "authorization_code":
            asked = self.codes.pop(form["code"], None)
            digest = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(
                b"="
            )
            challenge = None if asked is None else asked.get("code_challenge", digest.decode())
            if asked is None or challenge != digest.decode() or asked["redirect_uri"] != form["redirect_uri"]:
                return answer(400, {"error": "invalid_grant"})
        client = form.get("client_id", "sb-shop!t1")
        content = {"access_token": self.token(client), "token_type": "bearer", "expires_in": self.expires_in}
        if grant in ("authorization_code", "refresh_token"):
            content["refresh_token"] = f"refresh-{self.issued}"
        return answer(200, content)


@asynccontextmanager
async def running_login_server(clock: Callable[[], float]) -> AsyncIterator[LoginServer]:
    uaa = LoginServer(clock)
    server = Server(uaa.handle)
    host, port = await server.listen("127.0.0.1", 0)
    uaa.url = f"http://{host}:{port}"
    try:
        yield uaa
    finally:
        await server.close(grace_seconds=0)


@dataclass
class Destinations:
    """A destination service: knows what a test defines."""

    uaa: LoginServer
    url: str = ""
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Name and authorization of each find."""
    users: list[str] = field(default_factory=list)
    """The user's token of each find, or nothing."""
    traces: list[str] = field(default_factory=list)
    """The trace that each find belongs to, or nothing."""
    hold: asyncio.Event | None = None

    def define(self, name: str, url: str, tokens: list[dict[str, Any]] | None = None, **properties: str) -> None:
        configuration = {
            "Name": name,
            "Type": "HTTP",
            "URL": url,
            "Authentication": "NoAuthentication",
            "ProxyType": "Internet",
        }
        self.known[name] = {"destinationConfiguration": configuration | properties, "owner": {}}
        if tokens is not None:
            self.known[name]["authTokens"] = tokens

    def store(self, name: str, *stores: tuple[str, bytes]) -> None:
        """Give a destination that is defined what its KeyStoreLocation and TrustStoreLocation name."""
        self.known[name]["certificates"] = [
            {"Name": location, "Content": base64.b64encode(content).decode(), "Type": "CERTIFICATE"}
            for location, content in stores
        ]

    def credentials(self) -> dict[str, Any]:
        return self.uaa.credentials(clientid="dest-client", clientsecret="dest-secret", uri=self.url)

    async def handle(self, request: Request) -> Response:
        name = unquote(request.target.partition("?")[0].rpartition("/")[2])
        self.requests.append((name, request.headers.text("authorization") or ""))
        self.users.append(request.headers.text("x-user-token") or "")
        self.traces.append(request.headers.text("traceparent") or "")
        if self.hold is not None:
            await self.hold.wait()
        if name not in self.known:
            return answer(404, {"ErrorMessage": "Configuration with the specified name was not found"})
        return answer(200, self.known[name])


@asynccontextmanager
async def running_destinations(uaa: LoginServer) -> AsyncIterator[Destinations]:
    service = Destinations(uaa)
    server = Server(service.handle)
    host, port = await server.listen("127.0.0.1", 0)
    service.url = f"http://{host}:{port}"
    try:
        yield service
    finally:
        await server.close(grace_seconds=0)


def names_of_localhost(monkeypatch) -> set[str]:
    """Let every name below localhost be this machine (RFC 6761), and return those that are asked for."""
    real, asked = socket.getaddrinfo, set()

    def found(host, *arguments, **options):
        name = host.decode() if isinstance(host, bytes) else host
        asked.add(name)
        return real("127.0.0.1" if name and name.endswith("localhost") else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return asked
