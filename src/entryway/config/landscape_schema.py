"""The shape of `entryway.yaml`; docs/entryway-yaml.md describes it for those who write it."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from entryway.config.mta_schema import KebabDocument, Name

SHORTEST_PASSWORD = 8
Port = Annotated[int, Field(ge=1, le=65535)]


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if (
        not host
        or "/" in value
        or "@" in value
        or not port.isascii()
        or not port.isdigit()
        or not 1 <= int(port) <= 65535
    ):
        raise ValueError("a host and a port, for example erp.company:443")
    return value.lower()


def _internal_url(value: str) -> str:
    hint = "a URL of scheme, host and port, for example https://127.0.0.1:9443"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(hint) from None
    rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in {"http", "https"} or not parts.hostname or port is None or rest:
        raise ValueError(hint)
    return f"{parts.scheme}://{parts.netloc}"


def _absolute_path(value: str) -> str:
    if not value.startswith("/") or "?" in value or "#" in value or ".." in value.split("/"):
        raise ValueError("a path that begins with / and has no query")
    return value


def _list_of(value: Any) -> Any:
    # A key with nothing below it is null to YAML.
    return [] if value is None else value


def _object_of(value: Any) -> Any:
    return {} if value is None else value


def _text_of_scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Environment = Annotated[
    dict[str, Annotated[str, BeforeValidator(_text_of_scalar)]],
    BeforeValidator(_object_of),
    Field(default_factory=dict),
]


MailAddress = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]


class UserDocument(KebabDocument):
    name: Annotated[str, Field(min_length=1, max_length=255)]
    password: Annotated[str, Field(min_length=SHORTEST_PASSWORD, max_length=1000, repr=False)]
    given_name: str | None = None
    family_name: str | None = None
    email: MailAddress | None = None
    role_collections: Annotated[list[str], BeforeValidator(_list_of), Field(default_factory=list)]

    @property
    def address(self) -> str:
        """The mail address that tokens of the user carry."""
        return self.email or (self.name if "@" in self.name else f"{self.name}@example.com")


class IdentityUserDocument(KebabDocument):
    """A user of the identity provider: who they are; what they may do is the authorization server's."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    password: Annotated[str, Field(min_length=SHORTEST_PASSWORD, max_length=255, repr=False)]
    given_name: str = ""
    family_name: str = ""
    email: MailAddress | None = None
    groups: Annotated[list[str], BeforeValidator(_list_of), Field(default_factory=list)]
    attributes: Annotated[dict[str, str | list[str]], BeforeValidator(_object_of), Field(default_factory=dict)]

    @property
    def address(self) -> str:
        """The mail address that tokens of the user carry."""
        return self.email or (self.name if "@" in self.name else f"{self.name}@example.com")


class IdentityProviderDocument(KebabDocument):
    users: Annotated[list[IdentityUserDocument], BeforeValidator(_list_of), Field(default_factory=list)]


class PortsDocument(KebabDocument):
    services: Port | None = None
    gateway: Port | None = None
    onpremise_proxy: Port | None = None
    identity_provider: Port | None = None
    certificates: Port | None = None
    modules: Annotated[dict[str, Port], BeforeValidator(_object_of), Field(default_factory=dict)]


class AllowedPathDocument(KebabDocument):
    path: Annotated[str, AfterValidator(_absolute_path)]
    exact: bool = False
    websocket: bool = False


class LocalProcessDocument(KebabDocument):
    command: Annotated[str, Field(min_length=1)]
    path: str = "."
    properties: Environment


class SystemDocument(KebabDocument):
    name: Name
    description: str = ""
    virtual: Annotated[str, AfterValidator(_host_and_port)]
    internal: Annotated[str, AfterValidator(_internal_url)]
    host_header: Literal["virtual", "internal"] = "virtual"
    principal: Literal["none", "x509"] = "none"
    trust: str | None = None
    resources: Annotated[list[AllowedPathDocument], BeforeValidator(_list_of), Field(default_factory=list)]
    process: LocalProcessDocument | None = None

    @property
    def internal_host(self) -> str:
        return urlsplit(self.internal).hostname or ""

    @property
    def internal_port(self) -> int:
        return urlsplit(self.internal).port or 0

    @property
    def is_https(self) -> bool:
        return self.internal.startswith("https:")


class OnPremiseDocument(KebabDocument):
    location: Annotated[str, Field(max_length=64, pattern=r"^([A-Za-z0-9._~-]+( [A-Za-z0-9._~-]+)*)?$")] = ""
    systems: Annotated[list[SystemDocument], BeforeValidator(_list_of), Field(default_factory=list)]


class ServiceDocument(KebabDocument):
    service: Annotated[str, Field(min_length=1)]
    plan: str | None = None
    config: str | dict[str, Any] | None = None


class LandscapeDocument(KebabDocument):
    users: Annotated[list[UserDocument], BeforeValidator(_list_of), Field(default_factory=list)]
    ports: Annotated[
        PortsDocument, BeforeValidator(_object_of), Field(default_factory=lambda: PortsDocument.model_validate({}))
    ]
    on_premise: OnPremiseDocument | None = None
    identity_provider: Annotated[IdentityProviderDocument | None, BeforeValidator(_object_of)] = None
    services: Annotated[dict[str, ServiceDocument], BeforeValidator(_object_of), Field(default_factory=dict)]
