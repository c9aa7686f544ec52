"""Where shared sessions are kept: `EXT_SESSION_MGT`, and the Redis or Valkey service that it names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from entryway.config.mistakes import Mistake
from entryway.config.schema import Document, check, did_you_mean
from entryway.config.vcap import Binding, pointer

VARIABLE = "EXT_SESSION_MGT"
SHORTEST_SECRET = 64
DEFAULT_PORT = 6379
DEFAULT_SENTINEL_PORT = 26379
# Names that services give sentinel's group where the binding does not say another one.
DEFAULT_MASTER = "mymaster"

HOST_NAMES = AliasChoices("hostname", "host")

Milliseconds = Annotated[int, Field(ge=0, le=3_600_000)]


class ExternalSessionsDocument(Document):
    """The value of `EXT_SESSION_MGT`; times in milliseconds."""

    model_config = ConfigDict(hide_input_in_errors=True)

    instance_name: Annotated[str, Field(min_length=1)]
    storage_type: Literal["redis"]
    session_secret: SecretStr
    default_retry_timeout: Milliseconds = 2000
    back_off_multiplier: Milliseconds = 50
    skip_cert_hostname_validation: bool = False
    reject_unauthorized: bool = True
    connect_timeout: Annotated[int, Field(ge=1, le=3_600_000)] = 10_000
    command_timeout: Annotated[int, Field(ge=1, le=3_600_000)] = 5000
    keep_alive: Milliseconds = 0


@dataclass(frozen=True, slots=True)
class Address:
    """Where one server listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class SessionStoreSettings:
    """How to reach the store, and the secret that makes instances share their sessions; times in seconds."""

    secret: str = field(repr=False)
    addresses: tuple[Address, ...]
    """The server; the nodes to begin with in a cluster; or the sentinels."""
    kind: Literal["single", "cluster", "sentinel"] = "single"
    master: str = DEFAULT_MASTER
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)
    database: int = 0
    tls: bool = False
    verify_certificate: bool = True
    verify_hostname: bool = True
    certificate_authority: str | None = None
    longest_wait: float = 2.0
    """The most that lies between two tries to reach a lost store."""
    wait_step: float = 0.05
    """By how much each try waits longer than the one before."""
    connect_timeout: float = 10.0
    command_timeout: float = 5.0
    keep_alive: float = 0.0


class _Node(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    hostname: Annotated[str, Field(min_length=1, validation_alias=HOST_NAMES)]
    port: Annotated[int, Field(ge=1, le=65535)] = DEFAULT_SENTINEL_PORT


class _Credentials(BaseModel):
    """What bindings of such services hold; services differ in which of it they give."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    hostname: str | None = Field(None, validation_alias=HOST_NAMES)
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    username: str | None = None
    password: SecretStr | None = None
    tls: bool | None = None
    uri: SecretStr | None = None
    cluster_mode: bool = False
    sentinel_nodes: list[_Node] = Field(default_factory=list)
    master_name: str = DEFAULT_MASTER
    sentinel_password: SecretStr | None = None
    tls_ca: str | None = None


def parse_external_sessions(environ: Mapping[str, str]) -> tuple[ExternalSessionsDocument | None, list[Mistake]]:
    """Return what `EXT_SESSION_MGT` says, or None and every mistake in it."""
    text = environ.get(VARIABLE)
    if not text:
        return None, []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return None, [Mistake(f"Invalid value for environment variable {VARIABLE}", "", f"{error}")]
    document, mistakes = check(ExternalSessionsDocument, value, VARIABLE)
    secret = value.get("sessionSecret") if isinstance(value, dict) else None
    if isinstance(secret, str) and len(secret) < SHORTEST_SECRET:
        rule = f"String is too short ({len(secret)} chars), minimum {SHORTEST_SECRET}"
        hint = "whoever guesses it can make sessions; for example: openssl rand -hex 32"
        mistakes.append(Mistake(VARIABLE, "/sessionSecret", rule, hint))
        document = None
    return document, mistakes


def resolve_external_sessions(
    document: ExternalSessionsDocument, bindings: Sequence[Binding]
) -> tuple[SessionStoreSettings | None, list[Mistake]]:
    """Return how to reach the store that the document names, or None and every mistake in its binding."""
    name = document.instance_name
    binding = next((each for each in bindings if name in (each.name, each.instance_name)), None)
    if binding is None:
        rule = (
            f"EXT_SESSION_MGT_INSTANCE with value {name} defined but no matching external session management "
            "service instance is bound"
        )
        bound = [each.name for each in bindings]
        hint = did_you_mean(name, bound) or f"bound are: {', '.join(sorted(bound)) or 'none'}"
        return None, [Mistake(VARIABLE, "/instanceName", rule, hint)]
    try:
        # Services write null for what they do not have.
        there = {key: value for key, value in binding.credentials.items() if value is not None}
        credentials = _Credentials.model_validate(there)
        return _settings(document, credentials), []
    except ValidationError as refused:
        return None, [
            _in_binding(binding, "".join(f"/{pointer(part)}" for part in error["loc"]), error["msg"])
            for error in refused.errors(include_input=False, include_url=False)
        ]
    except ValueError as error:
        return None, [_in_binding(binding, "", str(error))]


def read_external_sessions(
    environ: Mapping[str, str], bindings: Sequence[Binding]
) -> tuple[SessionStoreSettings | None, list[Mistake]]:
    """Return how to reach the store of shared sessions, None if sessions are not shared, and every mistake."""
    document, mistakes = parse_external_sessions(environ)
    if document is None:
        return None, mistakes
    settings, wrong = resolve_external_sessions(document, bindings)
    return settings, mistakes + wrong


def _settings(document: ExternalSessionsDocument, credentials: _Credentials) -> SessionStoreSettings:
    uri = _parse_uri(credentials.uri.get_secret_value()) if credentials.uri is not None else {}
    sentinels = tuple(Address(node.hostname, node.port) for node in credentials.sentinel_nodes)
    host = credentials.hostname or uri.get("host")
    if not host and not sentinels:
        raise ValueError("names neither hostname, nor uri, nor sentinel_nodes")
    if sentinels and credentials.cluster_mode:
        raise ValueError("has both cluster_mode and sentinel_nodes")
    own = (Address(host, credentials.port or uri.get("port") or DEFAULT_PORT),) if host else ()
    # With a hostname of its own the binding says the rest itself too; services put filler names into the URI.
    password = credentials.password.get_secret_value() if credentials.password else None
    return SessionStoreSettings(
        secret=document.session_secret.get_secret_value(),
        addresses=sentinels or own,
        kind="sentinel" if sentinels else "cluster" if credentials.cluster_mode else "single",
        master=credentials.master_name,
        username=credentials.username if credentials.hostname or credentials.username else uri.get("username"),
        password=password if password is not None or credentials.hostname else uri.get("password"),
        sentinel_password=credentials.sentinel_password.get_secret_value() if credentials.sentinel_password else None,
        database=uri.get("database", 0),
        tls=credentials.tls if credentials.tls is not None else bool(uri.get("tls")),
        verify_certificate=document.reject_unauthorized,
        verify_hostname=not document.skip_cert_hostname_validation,
        certificate_authority=credentials.tls_ca,
        longest_wait=document.default_retry_timeout / 1000,
        wait_step=document.back_off_multiplier / 1000,
        connect_timeout=document.connect_timeout / 1000,
        command_timeout=document.command_timeout / 1000,
        keep_alive=document.keep_alive / 1000,
    )


def _parse_uri(uri: str) -> dict[str, Any]:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise ValueError("uri: is not a URL") from None
    if parts.scheme not in ("redis", "rediss", "valkey", "valkeys"):
        raise ValueError("uri: must begin with redis:// or rediss://")
    database = parts.path.lstrip("/")
    if database and not (database.isascii() and database.isdigit()):
        raise ValueError("uri: its path is the number of a database")
    return {
        "host": parts.hostname,
        "port": port,
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "database": int(database or 0),
        "tls": parts.scheme in ("rediss", "valkeys"),
    }


def _in_binding(binding: Binding, path: str, rule: str) -> Mistake:
    # The values may be secrets: only where and why may be told.
    return Mistake(binding.file, binding.path + path, f'binding "{binding.name}": {rule}')


__all__ = [
    "Address",
    "ExternalSessionsDocument",
    "SessionStoreSettings",
    "parse_external_sessions",
    "read_external_sessions",
    "resolve_external_sessions",
]
