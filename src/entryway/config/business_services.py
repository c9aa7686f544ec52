"""Bound business services: what their bindings say about where they are and how to log on to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

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


def _usable(endpoints: Any) -> Any:
    """Leave out the endpoints that are for others, such as those of queues: only a route that names one minds."""
    if not isinstance(endpoints, Mapping):
        return endpoints
    return {name: endpoint for name, value in endpoints.items() if (endpoint := _read_endpoint(value)) is not None}


def _read_endpoint(value: Any) -> Endpoint | None:
    try:
        return Endpoint.model_validate(_endpoint(value))
    except ValidationError:
        return None


class _Named(_Model):
    """The same endpoints with every mistake in them."""

    endpoints: dict[str, Annotated[Endpoint, BeforeValidator(_endpoint)]]


class AppHost(_Model):
    """Whose applications in the HTML5 application repository belong to a service."""

    app_host_id: Text


class BusinessServiceCredentials(_Model):
    """Credentials of a binding that routes may name."""

    cloud_service: str = Field(default="", alias="sap.cloud.service")
    endpoints: Annotated[dict[str, Endpoint], BeforeValidator(_usable)] = Field(default_factory=dict)
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
    """What no other bound service is called."""
    credentials: BusinessServiceCredentials = field(repr=False)
    client: OAuthCredentials | None = field(repr=False)
    """The OAuth client that logs on to the service; none where a certificate does, or where the binding has none."""
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """Headers of `URL.headers.*`, for requests that lack them."""


def cannot_log_on(service: BusinessService) -> bool:
    """Tell whether the binding lacks the OAuth client that its grant type needs: calls will fail, other routes work."""
    return service.client is None and service.credentials.grant_type != "mtls"


def is_business_service(binding: Binding) -> bool:
    """Tell whether the binding has a `sap.cloud.service`; others are found by their tags alone."""
    return isinstance(binding.credentials.get(CLOUD_SERVICE), str)


# How a route may name a service, the closer name first.
_NAMES: tuple[Callable[[Binding], Sequence[Any]], ...] = (
    lambda binding: [binding.credentials.get(CLOUD_SERVICE)],
    lambda binding: [binding.credentials.get(ALIAS)],
    lambda binding: binding.tags,
)


def find_business_services(bindings: Iterable[Binding], name: str) -> list[Binding]:
    """Return the bindings that a route may mean; with more than one, nobody knows which."""
    bindings = list(bindings)
    for names in _NAMES:
        if found := [binding for binding in bindings if name in names(binding)]:
            return found
    return []


def parse_business_service(binding: Binding, name: str | None = None) -> BusinessService:
    """Return what the binding says, or raise with every mistake in it."""
    credentials = binding.parse(BusinessServiceCredentials)
    if REPOSITORY in (credentials.cloud_service, *binding.tags):
        # The repository is asked by the application; its older bindings do not say so.
        credentials = credentials.model_copy(update={"grant_type": "client_credentials"})
    client = credentials.uaa
    if client is None and credentials.clientid and credentials.grant_type != "mtls":
        client = binding.parse(OAuthCredentials)
    headers = _headers(binding.credentials)
    if mistakes := [mistake for name, value in headers for mistake in _check_header(binding, name, value)]:
        raise ConfigurationMistakes(mistakes)
    return BusinessService(name or binding.name, credentials, client, headers)


def check_endpoint(binding: Binding, name: str | None) -> None:
    """Raise with what is wrong with an endpoint that the binding has; one that is not there at all is not judged."""
    endpoints = binding.credentials.get("endpoints")
    if isinstance(endpoints, Mapping) and name in endpoints:
        replace(binding, credentials={"endpoints": {name: endpoints[name]}}).parse(_Named)


def read_business_services(bindings: Sequence[Binding], named: Iterable[str] = ()) -> dict[str, BusinessService]:
    """Return the usable services under their names, aliases and tags; `named` are names that routes use.

    A binding without `sap.cloud.service` is one only if a route names it: most of those are for other things.
    """
    own = [binding for binding in bindings if is_business_service(binding)]
    names = {name for binding in own for kind in _NAMES for name in kind(binding) if isinstance(name, str) and name}
    services: dict[str, BusinessService] = {}
    known: dict[int, BusinessService] = {}
    for name in sorted(names | set(named)):
        found = find_business_services(bindings, name)
        if len(found) != 1:
            continue
        binding = found[0]
        if id(binding) not in known:
            try:
                known[id(binding)] = parse_business_service(binding, _own_name(binding, bindings))
            except ConfigurationMistakes:
                continue
        services[name] = known[id(binding)]
    return services


def _own_name(binding: Binding, bindings: Sequence[Binding]) -> str:
    name = binding.credentials.get(CLOUD_SERVICE)
    return name if isinstance(name, str) and find_business_services(bindings, name) == [binding] else binding.name


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
