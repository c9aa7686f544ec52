"""Bound business services: what their bindings say about where they are and how to log on to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from entryway.config.bindings import Binding
from entryway.config.credentials import HttpUrl, OAuthCredentials, Text
from entryway.config.header_rules import HEADER_NAME, is_header_value
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.xs_app_model import REPOSITORY

CLOUD_SERVICE = "sap.cloud.service"
ALIAS = "sap.cloud.service.alias"
HEADER_PREFIX = "URL.headers."
DEFAULT_TIMEOUT_MS = 30_000

Grant: TypeAlias = Literal["user_token", "client_credentials", "mtls"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True)


class Endpoint(_Model):
    """One address of a service; the older form of a binding has the URL alone."""

    url: HttpUrl
    timeout: Annotated[int, Field(ge=1)] = DEFAULT_TIMEOUT_MS


def _endpoint(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


class AppHost(_Model):
    """Whose applications in the HTML5 application repository belong to a service."""

    app_host_id: Text


class BusinessServiceCredentials(_Model):
    """Credentials of a binding with `sap.cloud.service`."""

    cloud_service: Text = Field(alias="sap.cloud.service")
    alias: str = Field(default="", alias="sap.cloud.service.alias")
    endpoints: dict[str, Annotated[Endpoint, BeforeValidator(_endpoint)]] = Field(default_factory=dict)
    url: HttpUrl | None = None
    uri: HttpUrl | None = None
    grant_type: Grant = "user_token"
    uaa: OAuthCredentials | None = None
    clientid: str = ""
    cert: str | None = None
    key: SecretStr | None = None
    xsappname: str = ""
    repository: AppHost | None = Field(default=None, alias="html5-apps-repo")
    forward_ias_token: bool = Field(default=False, alias="forwardiastoken")
    forward_ias_authentication: bool = Field(default=False, alias="forwardiasauthentication")
    ias_dependency_name: str = Field(default="", alias="IASDependencyName")

    @model_validator(mode="after")
    def _can_log_on(self) -> Self:
        if self.grant_type == "mtls" and not (self.cert and self.key):
            raise ValueError("the grant type mtls needs cert and key")
        return self

    @property
    def dependency(self) -> str | None:
        """The dependency of the identity service whose token the service gets, if not that of the login."""
        return self.ias_dependency_name or None

    @property
    def forwards_identity(self) -> bool:
        """Whether users of the identity service are shown by its token, and by nothing else."""
        return self.forward_ias_authentication or bool(self.dependency and not self.forward_ias_token)

    @property
    def forwards_identity_beside(self) -> bool:
        """Whether the service gets the identity service's token beside the one exchanged for it."""
        return self.forward_ias_token and not self.forward_ias_authentication

    def endpoint(self, name: str | None) -> Endpoint | None:
        """Return the endpoint of this name; without a name, the service's own address."""
        if name is not None:
            return self.endpoints.get(name)
        address = self.url or self.uri
        return None if address is None else Endpoint(url=address)


@dataclass(frozen=True, slots=True)
class BusinessService:
    """A service that routes may lead to."""

    name: str
    alias: str
    credentials: BusinessServiceCredentials = field(repr=False)
    client: OAuthCredentials | None = field(repr=False)
    """The OAuth client that logs on to the service; none where a certificate does, or where the binding has none."""
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """Headers of `URL.headers.*`, for requests that lack them."""


def cannot_log_on(service: BusinessService) -> bool:
    """Tell whether the binding lacks the OAuth client that its grant type needs: calls will fail, other routes work."""
    return service.client is None and service.credentials.grant_type != "mtls"


def is_business_service(binding: Binding) -> bool:
    """Tell whether routes may name this binding by its `sap.cloud.service`."""
    return isinstance(binding.credentials.get(CLOUD_SERVICE), str)


def find_business_service(bindings: Iterable[Binding], name: str) -> Binding | None:
    """Return the binding that a route names by `sap.cloud.service` or its alias; a name counts more."""
    found = [binding for binding in bindings if is_business_service(binding)]
    by_name = next((binding for binding in found if binding.credentials[CLOUD_SERVICE] == name), None)
    return by_name or next((binding for binding in found if binding.credentials.get(ALIAS) == name), None)


def parse_business_service(binding: Binding) -> BusinessService:
    """Return what the binding says, or raise with every mistake in it."""
    credentials = binding.parse(BusinessServiceCredentials)
    if credentials.cloud_service == REPOSITORY:
        # The repository is asked by the application; its older bindings do not say so.
        credentials = credentials.model_copy(update={"grant_type": "client_credentials"})
    client = credentials.uaa
    if client is None and credentials.clientid and credentials.grant_type != "mtls":
        client = binding.parse(OAuthCredentials)
    headers = _headers(binding.credentials)
    if mistakes := [mistake for name, value in headers for mistake in _check_header(binding, name, value)]:
        raise ConfigurationMistakes(mistakes)
    return BusinessService(credentials.cloud_service, credentials.alias, credentials, client, headers)


def read_business_services(
    bindings: Sequence[Binding],
) -> tuple[dict[str, BusinessService], dict[str, ConfigurationMistakes]]:
    """Return the services under their names and aliases, and apart from them what is wrong with the others."""
    services: dict[str, BusinessService] = {}
    wrong: dict[str, ConfigurationMistakes] = {}
    for binding in bindings:
        if not is_business_service(binding):
            continue
        names = (binding.credentials[CLOUD_SERVICE], binding.credentials.get(ALIAS))
        try:
            service = parse_business_service(binding)
        except ConfigurationMistakes as found:
            wrong |= {name: found for name in names if isinstance(name, str) and name and name not in wrong}
            continue
        for name in (service.name, service.alias):
            if name:
                services.setdefault(name, service)
    return services, wrong


def _check_header(binding: Binding, name: str, value: str) -> list[Mistake]:
    if HEADER_NAME.fullmatch(name) and is_header_value(value):
        return []
    place = f"{binding.path}/{HEADER_PREFIX}{name}"
    return [Mistake(binding.file, place, f'binding "{binding.name}": this is no header that can be sent')]


def _headers(credentials: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (key.removeprefix(HEADER_PREFIX), value)
        for key, value in credentials.items()
        if key.startswith(HEADER_PREFIX) and isinstance(value, str)
    )
