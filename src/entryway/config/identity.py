"""The binding of an identity service that speaks OpenID Connect, beside or instead of `xsuaa`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from entryway.config.credentials import HttpUrl, Text
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.vcap import Binding

DOCUMENT = "ias-configuration"
LABELS = ("identity", "identity-beta")
KEY_VARIABLE = "IAS_PRIVATE_KEY"
REQUIRED = ("url", "clientid")


class IdentityCredentials(BaseModel):
    """Credentials of an `identity` binding."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    clientid: Text
    clientsecret: SecretStr | None = None
    certificate: str | None = None
    key: SecretStr | None = None
    url: HttpUrl
    domain: str = ""
    domains: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    app_tid: str = ""
    zone_uuid: str = ""
    authorization_endpoint: HttpUrl | None = None
    end_session_endpoint: HttpUrl | None = None
    tenant_api: HttpUrl | None = Field(None, alias="btp-tenant-api")

    @model_validator(mode="after")
    def _proves_itself(self) -> Self:
        if not self.secret and not (self.certificate and self.key):
            raise ValueError(f"needs clientsecret, or certificate and key (or the variable {KEY_VARIABLE})")
        return self

    @property
    def secret(self) -> str | None:
        """The client secret in clear, or None if the client proves itself with a certificate, as it does with both."""
        if self.certificate and self.key:
            return None
        return (self.clientsecret.get_secret_value() or None) if self.clientsecret else None

    @property
    def tenant(self) -> str:
        """The tenant's id, empty if the binding names none."""
        return self.app_tid or self.zone_uuid

    @property
    def token_url(self) -> str:
        return f"{self.url}/oauth2/token"

    def at_tenant(self, tenant: str, url: str) -> Self:
        """Return the same client at the identity service of another tenant; of `url`, the origin counts."""
        update: dict[str, object] = {"app_tid": tenant, "zone_uuid": tenant}
        there, own = urlsplit(url), urlsplit(self.url)
        if (there.scheme, there.netloc) != (own.scheme, own.netloc):
            origin = f"{there.scheme}://{there.netloc}"
            update |= {"url": origin, "authorization_endpoint": None, "end_session_endpoint": None}
        return self.model_copy(update=update)

    @property
    def trusted_domains(self) -> tuple[str, ...]:
        """Where tokens may come from: the domains of the binding, else the host of its URL alone."""
        return self.domains or ((self.domain,) if self.domain else ())

    def trusts(self, address: str) -> bool:
        """Tell whether an issuer's URL is the service's own, or one label below a trusted domain."""
        try:
            own, parts = urlsplit(self.url), urlsplit(address)
            port_is_readable = parts.port is None or parts.port > 0
        except ValueError:
            return False
        if not port_is_readable or parts.query or parts.fragment or parts.username is not None or "\\" in address:
            return False
        # Plain http is for somebody's own machine, where the binding's URL says so itself.
        if parts.scheme not in ("https", own.scheme):
            return False
        host = parts.netloc.lower()
        return host == own.netloc.lower() or any(
            host == domain.lower() or (host.endswith(f".{domain.lower()}") and "." not in host[: -len(domain) - 1])
            for domain in self.trusted_domains
            if domain
        )


def find_identity(bindings: Sequence[Binding], environ: Mapping[str, str]) -> IdentityCredentials | None:
    """Return the credentials of the bound identity service, or raise with every mistake in them.

    Its label decides, tags play no part.
    """
    binding = next((each for label in LABELS for each in bindings if each.label == label), None)
    if binding is None:
        return None
    missing = [name for name in REQUIRED if not binding.credentials.get(name)]
    if missing:
        raise ConfigurationMistakes(
            [Mistake(DOCUMENT, "", f"Missing required property: {name}", f"in {binding.name}") for name in missing]
        )
    return _with_key(binding, environ).parse(IdentityCredentials)


def _with_key(binding: Binding, environ: Mapping[str, str]) -> Binding:
    key = environ.get(KEY_VARIABLE)
    if not key or binding.credentials.get("key"):
        return binding
    credentials = {**binding.credentials, "key": key}
    return Binding(
        binding.name, binding.label, binding.plan, binding.tags, credentials, file=binding.file, path=binding.path
    )
