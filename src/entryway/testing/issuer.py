"""An authorization server reduced to what judges tokens: real RSA keys, `/token_keys` over HTTPS, a test authority."""

from __future__ import annotations

import json
import secrets
import ssl
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws
from joserfc.jwk import RSAKey

from entryway.testing.authority import TestAuthority
from entryway.testing.tls_server import running_tls_server

ZONE = "11111111-2222-4333-8444-555555555555"
SUBDOMAIN = "dev"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key with its id; `jwk` is what the server publishes of it."""

    kid: str
    key: RSAKey = field(repr=False)

    @property
    def pem(self) -> str:
        public: str = self.key.as_pem(private=False).decode()
        return public

    @property
    def jwk(self) -> dict[str, Any]:
        numbers = self.key.as_dict(private=False)
        return {
            "kty": "RSA",
            "n": numbers["n"],
            "e": numbers["e"],
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "value": self.pem,
        }


def new_key(kid: str | None = None, bits: int = 2048) -> SigningKey:
    """Return a fresh key."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningKey(kid or f"default-jwt-key-{secrets.token_hex(4)}", RSAKey.import_key(pem))


@lru_cache(maxsize=1)
def _first_key() -> SigningKey:
    # Making a key takes a moment: the issuers of one test run share their first.
    return new_key()


@dataclass(slots=True)
class Issuer:
    """Issues tokens as the authorization server does, and publishes the keys that they are signed with."""

    url: str
    authority: TestAuthority
    zone: str = ZONE
    subdomain: str = SUBDOMAIN
    keys: list[SigningKey] = field(default_factory=lambda: [_first_key()])
    requests: list[str] = field(default_factory=list)
    discovery: dict[str, Any] = field(default_factory=dict)
    """Replaces what the discovery document of the identity service says."""
    failing: int | None = None
    """A status to answer with instead of the keys."""
    delay: threading.Event | None = None
    """Answers wait until this is set."""
    arrived: threading.Event = field(default_factory=threading.Event)
    """Set by the first request."""

    @property
    def domain(self) -> str:
        return self.url.removeprefix("https://")

    @property
    def ca_file(self) -> Path:
        return self.authority.ca_file

    @property
    def tls(self) -> ssl.SSLContext:
        """A context for clients, which believes this issuer's authority alone."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def credentials(self, xsappname: str = "app!t1", **more: Any) -> dict[str, Any]:
        """Return the credentials of a binding to the application `xsappname`."""
        return {
            "clientid": f"sb-{xsappname}",
            "clientsecret": "the-secret-of-the-binding",
            "credential-type": "binding-secret",
            "xsappname": xsappname,
            "url": self.url,
            "uaadomain": self.domain,
            "identityzone": self.subdomain,
            "identityzoneid": self.zone,
            "zoneid": self.zone,
            "tenantid": self.zone,
            "subaccountid": self.zone,
            "tenantmode": "dedicated",
            "verificationkey": self.keys[0].pem,
        } | more

    def token(
        self,
        *,
        xsappname: str = "app!t1",
        scopes: Sequence[str] = (),
        user: str = "alex",
        drop: Sequence[str] = (),
        header: Mapping[str, Any] | None = None,
        key: SigningKey | None = None,
        lifetime: int = 3600,
        **claims: Any,
    ) -> str:
        """Return a user's token; local scope names get the application's, `claims` replace what is usual."""
        named = [scope if "." in scope or scope == "openid" else f"{xsappname}.{scope}" for scope in scopes]
        content = self._common(f"sb-{xsappname}", lifetime) | {
            "sub": str(uuid.uuid5(uuid.NAMESPACE_URL, user)),
            "user_id": str(uuid.uuid5(uuid.NAMESPACE_URL, user)),
            "grant_type": "authorization_code",
            "origin": "entryway",
            "user_name": user,
            "email": f"{user}@example.com",
            "given_name": user.capitalize(),
            "family_name": "Example",
            "scope": ["openid", *named],
            "aud": [f"sb-{xsappname}", "openid", *({xsappname} if named else ())],
            "xs.user.attributes": {},
            "xs.system.attributes": {"xs.rolecollections": []},
        }
        return self.sign(_without(content | claims, drop), header, key)

    def client_token(
        self,
        clientid: str,
        *,
        scopes: Sequence[str] = ("uaa.resource",),
        instance_id: str | None = None,
        drop: Sequence[str] = (),
        lifetime: int = 3600,
        **claims: Any,
    ) -> str:
        """Return a client-credentials token."""
        content = self._common(clientid, lifetime) | {
            "sub": clientid,
            "grant_type": "client_credentials",
            "scope": list(scopes),
            "authorities": list(scopes),
            "aud": [clientid, *sorted({scope.rpartition(".")[0] for scope in scopes})],
        }
        if instance_id is not None:
            content["ext_attr"] = content["ext_attr"] | {"serviceinstanceid": instance_id}
        return self.sign(_without(content | claims, drop))

    def identity_credentials(self, **more: Any) -> dict[str, Any]:
        """Return the credentials of a binding to an identity service with the same keys."""
        return {
            "clientid": "identity-client",
            "clientsecret": "the-secret-of-the-binding",
            "url": self.identity_url,
            "domain": self.domain,
            "domains": [self.domain],
            "app_tid": self.zone,
        } | more

    @property
    def identity_url(self) -> str:
        return f"https://{self.subdomain}.{self.domain}"

    def identity_token(
        self, *, user: str = "alex", drop: Sequence[str] = (), lifetime: int = 3600, **claims: Any
    ) -> str:
        """Return a user's token of the identity service."""
        now = int(time.time())
        content = {
            "iss": self.identity_url,
            "sub": user,
            "aud": ["identity-client"],
            "azp": "identity-client",
            "app_tid": self.zone,
            "user_uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, user)),
            "email": f"{user}@example.com",
            "given_name": user.capitalize(),
            "family_name": "Example",
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + lifetime,
        }
        return self.sign(_without(content | claims, drop))

    def sign(
        self, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None, key: SigningKey | None = None
    ) -> str:
        """Return a token with exactly these claims."""
        key = key or self.keys[0]
        protected = {"alg": "RS256", "typ": "JWT", "kid": key.kid, "jku": f"{self.url}/token_keys"} | dict(header or {})
        protected = {name: value for name, value in protected.items() if value is not None}
        token: str = jws.serialize_compact(protected, json.dumps(claims), key.key, algorithms=[protected["alg"]])
        return token

    def _common(self, clientid: str, lifetime: int) -> dict[str, Any]:
        now = int(time.time())
        return {
            "jti": uuid.uuid4().hex,
            "iss": f"{self.url}/oauth/token",
            "client_id": clientid,
            "cid": clientid,
            "azp": clientid,
            "zid": self.zone,
            "iat": now,
            "exp": now + lifetime,
            "ext_attr": {"enhancer": "XSUAA", "subaccountid": self.zone, "zdn": self.subdomain},
        }


@contextmanager
def running_issuer(folder: Path) -> Iterator[Issuer]:
    """Serve an issuer's keys on a free port of `localhost`; certificates are kept in `folder`."""
    authority = TestAuthority.create(folder)
    with running_tls_server(_Handler, authority) as server:
        issuer = server.state = Issuer(server.url, authority)
        yield issuer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_GET(self) -> None:
        issuer: Issuer = self.server.state  # type: ignore[attr-defined]
        issuer.requests.append(self.path)
        issuer.arrived.set()
        if issuer.delay is not None:
            issuer.delay.wait(10)
        target = urlsplit(self.path)
        host = f"https://{self.headers.get('host', '')}"
        if issuer.failing is not None:
            self._answer(issuer.failing, {"error": "failing"})
        elif target.path == "/.well-known/openid-configuration":
            self._answer(200, {"issuer": host, "jwks_uri": f"{host}/oauth2/certs"} | issuer.discovery)
        elif target.path == "/oauth2/certs" and self.headers.get("x-app_tid", issuer.zone) == issuer.zone:
            self._answer(200, {"keys": [key.jwk for key in issuer.keys]})
        elif target.path != "/token_keys":
            self._answer(404, {"error": "not_found"})
        elif parse_qs(target.query).get("zid", [issuer.zone]) != [issuer.zone]:
            self._answer(404, {"error": "unknown_zone"})
        else:
            self._answer(200, {"keys": [key.jwk for key in issuer.keys]})

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: the test looks at `requests`."""


def _without(claims: dict[str, Any], drop: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name not in drop}
