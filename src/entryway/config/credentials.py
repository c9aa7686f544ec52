"""What the credentials of a binding hold, one model for each service that the product speaks to.

Wire names stay as the format has them; values that the format leaves out get the meaning that its users rely on.
"""

from __future__ import annotations

from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be an absolute URL that begins with https:// or http://")
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Text = Annotated[str, Field(min_length=1)]


class OAuthCredentials(BaseModel):
    """What every binding with an OAuth client of its own has: who the client is, how it proves it and where."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    clientid: Text
    clientsecret: SecretStr | None = None
    url: HttpUrl
    uaadomain: str = ""
    xsappname: str = ""
    credential_type: str = Field(default="binding-secret", alias="credential-type")
    certificate: str | None = None
    key: SecretStr | None = None
    certurl: HttpUrl | None = None
    identityzone: str = ""
    identityzoneid: str = ""
    zoneid: str = ""
    tenantid: str = ""
    subaccountid: str = ""
    tenantmode: str = "dedicated"

    @model_validator(mode="after")
    def _proves_itself(self) -> Self:
        has_secret = self.clientsecret is not None and bool(self.clientsecret.get_secret_value())
        if not has_secret and not (self.certificate and self.key):
            raise ValueError("needs clientsecret, or certificate and key")
        return self

    @property
    def secret(self) -> str | None:
        """The client secret in clear, or None if the client proves itself with a certificate, as it does with both."""
        if self.certificate and self.key:
            return None
        return self.clientsecret.get_secret_value() if self.clientsecret else None

    @property
    def token_base(self) -> str:
        """The URL under which `/oauth/token` answers this client."""
        if self.secret:
            return self.url
        return self.certurl or self.url

    @property
    def token_url(self) -> str:
        return f"{self.token_base}/oauth/token"

    @property
    def key_domain(self) -> str:
        """Host and port that publish the keys: `uaadomain`, else the host of `url`."""
        return self.uaadomain or urlsplit(self.url).netloc

    @property
    def zone_id(self) -> str:
        """The tenant's id, under whichever of its three names the binding has it."""
        return self.identityzoneid or self.zoneid or self.tenantid

    def without_tenant(self) -> Self:
        """Return the same client at the authorization server's own address, where no tenant is named."""
        return self.model_copy(update={"url": self._tenant_url(None)}) if self.uaadomain else self

    def at_tenant(self, tenant: str | None) -> Self:
        """Return the same client at the authorization server of another tenant, given by its subdomain."""
        if tenant is None:
            return self
        update: dict[str, Any] = {"url": self._tenant_url(tenant)}
        if self.certurl is not None:
            parts = urlsplit(self.certurl)
            domain = parts.netloc.removeprefix(f"{self.identityzone}.") if self.identityzone else parts.netloc
            update["certurl"] = f"{parts.scheme}://{tenant}.{domain}"
        return self.model_copy(update=update)

    def _tenant_url(self, tenant: str | None) -> str:
        parts = urlsplit(self.url)
        domain = self.uaadomain or parts.netloc.removeprefix(f"{self.identityzone}.")
        # Some bindings have the port in the domain, others in the URL alone.
        port = f":{parts.port}" if parts.port and ":" not in domain else ""
        return f"{parts.scheme}://{'' if tenant is None else f'{tenant}.'}{domain}{port}"


class UaaCredentials(OAuthCredentials):
    """Credentials of an `xsuaa` binding."""

    xsappname: Text
    apiurl: str = ""
    sburl: str = ""
    verificationkey: str = ""
    trustedclientidsuffix: str = ""


class DestinationCredentials(OAuthCredentials):
    """Credentials of a `destination` binding."""

    uri: HttpUrl
    instanceid: str = ""


class ConnectivityCredentials(OAuthCredentials):
    """Credentials of a `connectivity` binding; ports are strings of digits on the wire."""

    token_service_url: HttpUrl | None = None
    onpremise_proxy_host: Text
    onpremise_proxy_port: Annotated[int, Field(ge=1, le=65535)]
    onpremise_proxy_http_port: Annotated[int | None, Field(ge=1, le=65535)] = None

    @property
    def token_base(self) -> str:
        if self.secret and self.token_service_url:
            return self.token_service_url
        return super().token_base

    def at_tenant(self, tenant: str | None) -> Self:
        if tenant is None:
            return self
        elsewhere = super().at_tenant(tenant)
        return elsewhere.model_copy(update={"token_service_url": elsewhere.url})

    @property
    def proxy(self) -> tuple[str, int]:
        """Host and port of the HTTP proxy that leads into the company network."""
        return self.onpremise_proxy_host, self.onpremise_proxy_http_port or self.onpremise_proxy_port
