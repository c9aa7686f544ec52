"""An authorization server reduced to what an application's tests need: its tokens, and its keys."""

from __future__ import annotations

import json
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from entryway.testing.authority import TestAuthority
from entryway.testing.tls_server import running_tls_server

# Nobody can own a name below "invalid" (RFC 6761 §6.4): a question that were asked by mistake would go nowhere.
HOST = "auth.entryway.invalid"
KID = "key-of-a-test"
TENANT = "11111111-2222-4333-8444-555555555555"
XSAPPNAME = "app!t1"


@dataclass(frozen=True)
class LocalIssuer:
    """Issues tokens as the authorization server at `host` would."""

    key: RSAPrivateKey = field(repr=False)
    host: str = HOST
    xsappname: str = XSAPPNAME
    tenant: str = TENANT
    subdomain: str = "dev"
    ca_file: Path | None = None

    def credentials(self, **more: Any) -> dict[str, Any]:
        """Return the credentials of the application's binding; `more` replaces what is usual."""
        return {
            "clientid": f"sb-{self.xsappname}",
            "clientsecret": "the-secret-of-a-test",
            "xsappname": self.xsappname,
            "url": f"https://{self.host}",
            "uaadomain": self.host,
            "identityzone": self.subdomain,
            "identityzoneid": self.tenant,
            "zoneid": self.tenant,
            "tenantid": self.tenant,
            "subaccountid": self.tenant,
            "tenantmode": "dedicated",
            "verificationkey": self.public_pem(),
        } | more

    def vcap_services(self, **more: Any) -> str:
        """Return the value of `VCAP_SERVICES` with that binding."""
        binding = {"name": "uaa", "label": "xsuaa", "plan": "application", "tags": ["xsuaa"]}
        return json.dumps({"xsuaa": [binding | {"credentials": self.credentials(**more)}]})

    def make_token(
        self,
        *,
        scopes: Sequence[str] = (),
        attributes: Mapping[str, Sequence[str]] | None = None,
        user: str | None = "alex",
        tenant: str | None = None,
        lifetime: float = 3600,
        clientid: str | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Return a token: a client's without a `user`; local scopes get the application's name, `claims` come last."""
        own = clientid or f"sb-{self.xsappname}"
        named = [scope if "!" in scope or "." in scope else f"{self.xsappname}.{scope}" for scope in scopes]
        now = int(time.time())
        content: dict[str, Any] = {
            "jti": uuid.uuid4().hex,
            "iss": f"https://{self.host}/oauth/token",
            "zid": tenant or self.tenant,
            "client_id": own,
            "cid": own,
            "azp": own,
            "iat": now,
            "exp": int(now + lifetime),
            "scope": named,
            "aud": sorted({own, *(scope.rpartition(".")[0] for scope in named)}),
            "ext_attr": {"enhancer": "XSUAA", "subaccountid": tenant or self.tenant, "zdn": self.subdomain},
        }
        if user is None:
            content |= {"sub": own, "grant_type": "client_credentials", "authorities": named}
        else:
            user_id = str(uuid.uuid5(uuid.NAMESPACE_URL, user))
            name = user.partition("@")[0]
            content |= {
                "sub": user_id,
                "user_id": user_id,
                "grant_type": "authorization_code",
                "origin": "entryway",
                "user_name": user,
                "email": user if "@" in user else f"{user}@example.com",
                "given_name": name.capitalize(),
                "family_name": "Example",
                "xs.user.attributes": {key: list(values) for key, values in (attributes or {}).items()},
            }
        return self.sign(content | dict(claims or {}))

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
        """Return a token with exactly these claims."""
        protected = {"alg": "RS256", "typ": "JWT", "kid": KID, "jku": f"https://{self.host}/token_keys"}
        signed = f"{_encoded(protected | dict(header or {}))}.{_encoded(claims)}"
        return f"{signed}.{_base64(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def public_pem(self) -> str:
        """Return the public key."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()

    def jwk(self) -> dict[str, str]:
        """Return the public key as the server publishes it."""
        numbers = self.key.public_key().public_numbers()
        n, e = (value.to_bytes((value.bit_length() + 7) // 8, "big") for value in (numbers.n, numbers.e))
        more = {"use": "sig", "alg": "RS256", "kid": KID, "value": self.public_pem()}
        return {"kty": "RSA", "n": _base64(n), "e": _base64(e)} | more


@contextmanager
def served(key: RSAPrivateKey, folder: Path) -> Iterator[LocalIssuer]:
    """Publish the key on a free port of `localhost`, over https; the authority to trust is kept in `folder`."""
    authority = TestAuthority.create(folder)
    with running_tls_server(_Keys, authority) as server:
        issuer = server.state = LocalIssuer(key, server.url.removeprefix("https://"), ca_file=authority.ca_file)
        yield issuer


class _Keys(BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self) -> None:
        issuer: LocalIssuer = self.server.state  # type: ignore[attr-defined]
        target = urlsplit(self.path)
        known = parse_qs(target.query).get("zid", [issuer.tenant]) == [issuer.tenant]
        found = target.path == "/token_keys" and known
        body = json.dumps({"keys": [issuer.jwk()]} if found else {"error": "not_found"}).encode()
        self.send_response(200 if found else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


def _encoded(value: Mapping[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(content: bytes) -> str:

    return urlsafe_b64encode(content).rstrip(b"=").decode()
