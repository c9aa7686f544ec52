"""The document that describes a destination: flat, every value a text, and what must hold before it is stored."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from entryway.destinations.errors import InvalidRequest

NAME_LENGTH = 200
KEY_LENGTH = 200
DOCUMENT_LIMIT = 128 * 1024
TYPES = frozenset({"HTTP", "RFC", "LDAP", "MAIL", "TCP"})
PROXY_TYPES = frozenset({"Internet", "OnPremise", "PrivateLink"})
# What clients never see with $skipCredentials.
CREDENTIALS = frozenset(
    {
        "Password",
        "clientSecret",
        "tokenServicePassword",
        "KeyStorePassword",
        "tokenService.KeyStorePassword",
        "TrustStorePassword",
        "mail.password",
        "jco.client.passwd",
        "jco.client.tech_user_secret",
        "jco.destination.repository.passwd",
    }
)
# Clients put names into the path as they are, so that these could be stored but never be found again.
_NAME = re.compile(r"[^\x00-\x20\x7f/\\?#%&;\"'<>]+")


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination as it is stored and told; `properties` include its name."""

    name: str
    properties: Mapping[str, str] = field(repr=False)

    @property
    def type(self) -> str:
        return self.properties.get("Type", "HTTP")

    @property
    def authentication(self) -> str:
        """How to log on; clients rely on the default where the property is missing."""
        named = self.properties.get("Authentication")
        if named:
            return named
        both = self.properties.get("User") and self.properties.get("Password")
        return "BasicAuthentication" if both else "NoAuthentication"

    @property
    def etag(self) -> str:
        return sha256(self.text().encode()).hexdigest()

    def text(self) -> str:
        """Return the document as canonical JSON."""
        return json.dumps(dict(self.properties), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def without_credentials(self) -> dict[str, str]:
        return {key: value for key, value in self.properties.items() if key not in CREDENTIALS}


def parse_destination(document: Any) -> Destination:
    """Return the destination that a client wants stored, or raise naming the first rule it breaks."""
    if not isinstance(document, dict):
        raise InvalidRequest("a destination must be a JSON object")
    name = check_name(document.get("Name"))
    properties = {
        _key(name, key): _text(name, key, value) for key, value in document.items() if not key.startswith("$")
    }
    destination = Destination(name, properties)
    if len(destination.text().encode()) > DOCUMENT_LIMIT:
        raise InvalidRequest(f"destination {name}: larger than {DOCUMENT_LIMIT} bytes")
    _check_choice(destination, "Type", TYPES, required=True)
    if destination.type == "HTTP":
        _check_choice(destination, "ProxyType", PROXY_TYPES)
        _check_url(destination)
    return destination


def check_name(name: Any) -> str:
    """Return the name if it may be one."""
    if not isinstance(name, str) or not name:
        raise InvalidRequest("a destination must have a property Name that is a text and not empty")
    if len(name) > NAME_LENGTH:
        raise InvalidRequest(f"a destination's name has at most {NAME_LENGTH} characters")
    if not _NAME.fullmatch(name) or name in {".", ".."} or not _is_text(name):
        raise InvalidRequest(
            "a destination's name may hold no blanks, control characters or any of / \\ ? # % & ; \" ' < >"
        )
    return name


def _key(name: str, key: str) -> str:
    if not key or len(key) > KEY_LENGTH or not key.isprintable():
        raise InvalidRequest(f"destination {name}: a property's name has 1 to {KEY_LENGTH} printable characters")
    return key


def _text(name: str, key: str, value: Any) -> str:
    if isinstance(value, str):
        if "\x00" in value or not _is_text(value):
            raise InvalidRequest(f"destination {name}: property {key} holds a character that is not allowed")
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise InvalidRequest(f"destination {name}: property {key} must be a text")


def _is_text(value: str) -> bool:
    # JSON can hold halves of a character, which no encoding of text can.
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _check_choice(destination: Destination, key: str, choices: frozenset[str], *, required: bool = False) -> None:
    value = destination.properties.get(key)
    if value is None and not required:
        return
    if value not in choices:
        raise InvalidRequest(f"destination {destination.name}: {key} must be one of {', '.join(sorted(choices))}")


def _check_url(destination: Destination) -> None:
    try:
        parts = urlsplit(destination.properties.get("URL", "").strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidRequest(f"destination {destination.name}: URL must begin with http:// or https:// and a host")
