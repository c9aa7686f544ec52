"""Everything that can go wrong between an application and a system on premise, and what each is called.

Two kinds of readers search these texts: client libraries, which look for markers in a body, and people. So the texts
keep the wording that both know; the codes and the machine-readable headers are ours. `respond.py` renders them.
"""

from __future__ import annotations

from typing import ClassVar

from entryway.errors import EntrywayError


class TunnelFailure(EntrywayError):
    """A request to a system on premise failed before the system answered it.

    `message` is what the caller reads; `detail` goes to the log of the end that noticed.
    """

    hint: ClassVar[str] = ""

    def __init__(self, message: str = "", detail: str = "") -> None:
        super().__init__(detail or message)
        self.message = message or self.title


class HttpsNotOffered(TunnelFailure):
    code = "EW_METHOD_NOT_ALLOWED"
    status = 405
    title = "The proxy carries plain HTTP: CONNECT and https:// targets are not allowed"
    hint = "Call http://<virtual host>:<virtual port>, also when the connector speaks HTTPS to the system."


class NotAbsoluteForm(TunnelFailure):
    code = "EW_NOT_ABSOLUTE_FORM"
    status = 400
    title = "The request target is not an absolute http:// URL"
    hint = "This is a forward proxy; configure it as the HTTP proxy of your client."


class ProxyAuthenticationRequired(TunnelFailure):
    code = "EW_PROXY_AUTHENTICATION"
    status = 407
    title = "Proxy authentication required: a valid token of the connectivity service instance is missing"
    hint = "Send Proxy-Authorization: Bearer <token>, fetched with the credentials of the connectivity binding."


class LocationMalformed(TunnelFailure):
    code = "EW_LOCATION_MALFORMED"
    status = 400
    title = "The location id is not valid"
    hint = "A location id has at most 64 letters, digits and . _ ~ -, and single blanks between them."


class TokenKeysUnavailable(TunnelFailure):
    code = "EW_TOKEN_KEYS_UNAVAILABLE"
    status = 503
    title = "The keys of the authorization server cannot be fetched, so no token can be checked"


class NoConnector(TunnelFailure):
    """No connector serves this tenant and location; both wordings that clients look for are in the text."""

    code = "EW_NO_CONNECTOR"
    status = 503
    hint = "Check that the connector runs, is connected, and was paired for this tenant and location id."

    def __init__(self, zid: str, location_id: str) -> None:
        super().__init__(
            "There is no SAP Cloud Connector (SCC) connected to your subaccount matching the requested tunnel for "
            f'subaccount "{zid}" and SCC location ID "{location_id}". Check the configuration on SCC and cloud side. '
            f"No tunnels subscribed for tunnelId: account:///{zid}/{location_id}"
        )


class TunnelTimeout(TunnelFailure):
    code = "EW_TUNNEL_TIMEOUT"
    status = 504
    title = "Timed out waiting for tunnel to open"
    hint = "The connector is there but opened no connection in time; it may be overloaded or limited."


class TunnelBroken(TunnelFailure):
    code = "EW_TUNNEL_BROKEN"
    status = 502
    title = "The tunnel to the connector broke before the answer"


class SystemNotExposed(TunnelFailure):
    code = "EW_SYSTEM_NOT_EXPOSED"
    status = 403

    def __init__(self, system: str) -> None:
        super().__init__(
            f"Access denied to system {system}. In case this was a valid request, ensure to expose the system "
            "correctly in your Cloud Connector."
        )


class ResourceNotExposed(TunnelFailure):
    code = "EW_RESOURCE_NOT_EXPOSED"
    status = 403

    def __init__(self, path: str, system: str, detail: str = "") -> None:
        super().__init__(
            f"Access denied to resource {path} on system {system}. In case this was a valid request, ensure to "
            "expose the resource correctly in your Cloud Connector.",
            detail,
        )


class UpgradeNotAllowed(TunnelFailure):
    code = "EW_UPGRADE_NOT_ALLOWED"
    status = 403
    title = "Access denied: the connector does not allow a protocol upgrade on this resource"


class BackendUnreachable(TunnelFailure):
    code = "EW_BACKEND_UNREACHABLE"
    status = 502

    def __init__(self, system: str, detail: str = "") -> None:
        super().__init__(
            f"Unable to open connection to backend system {system}. Check that it runs and that the connector can "
            "reach and trust it.",
            detail,
        )


class BackendBroken(TunnelFailure):
    code = "EW_BACKEND_BROKEN"
    status = 502
    title = "The backend system closed the connection without a proper answer"


class BackendTimeout(TunnelFailure):
    code = "EW_BACKEND_TIMEOUT"
    status = 504
    title = "The backend system did not answer in time"


class PrincipalInvalid(TunnelFailure):
    code = "EW_PRINCIPAL_INVALID"
    status = 401
    title = "SSO token validation failed: the user's token is expired or its signature is not valid"


class PrincipalUntrusted(TunnelFailure):
    code = "EW_PRINCIPAL_UNTRUSTED"
    status = 403
    title = "SSO token validation failed: the token is not trusted; check trust configuration in the Cloud Connector"


class PrincipalNotIssued(TunnelFailure):
    code = "EW_PRINCIPAL_NOT_ISSUED"
    status = 502
    title = "Unable to generate authorization token for the user: no certificate can be issued"


class IssuerUnreachable(TunnelFailure):
    code = "EW_ISSUER_UNREACHABLE"
    status = 502
    title = "SSO token validation failed: the keys of the token's issuer cannot be fetched by the connector"


class NotMutuallyAuthenticated(TunnelFailure):
    """A principal may only travel where the system knows that it talks to the connector."""

    code = "EW_NOT_MUTUAL_TLS"
    status = 502
    title = "Principal propagation forbidden because the backend connection is not mutually authenticated"
    hint = "The system must speak HTTPS and ask for a client certificate, so that it knows that the connector calls."
