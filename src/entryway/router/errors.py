"""What can go wrong in the router, beside what every service knows."""

from __future__ import annotations

from typing import ClassVar

from entryway.errors import BadRequest, EntrywayError, Forbidden, NotFound, Unauthorized, UpstreamError


class RouteNotFound(NotFound):
    """No route takes this path."""

    code = "route_not_found"
    title = "There is nothing at this address"


class FileNotFound(NotFound):
    code = "file_not_found"
    title = "There is nothing at this address"


class MethodNotAllowed(EntrywayError):
    """The path is served, but not for this method; `allowed` lists those that are."""

    code: ClassVar[str] = "method_not_allowed"
    status: ClassVar[int] = 405
    title: ClassVar[str] = "This address does not support the method"

    def __init__(self, allowed: str, detail: str = "", *, bare: bool = False) -> None:
        super().__init__(detail)
        self.allowed = allowed
        self.bare = bare
        """Whether clients expect the answer without a body and without error page (static files)."""


class PathRefused(BadRequest):
    """The path has dot segments or escapes that cannot be decoded."""

    code = "path_refused"
    title = "The address is not valid"


class ForwardedHostRefused(BadRequest):
    """A proxy, or somebody who plays one, names a host that cannot be one."""

    code = "forwarded_host_refused"


class PathForbidden(Forbidden):
    code = "path_forbidden"


class LoginRequired(Unauthorized):
    """The route needs a user; people are sent to the login page, scripts get 401."""

    code = "login_required"


class BasicCredentialsRequired(LoginRequired):
    """The route wants name and password in the request; `realm` says to the user for what."""

    code = "basic_credentials_required"

    def __init__(self, realm: str) -> None:
        super().__init__("no name and password in the request")
        self.realm = realm


class LoginUnavailable(EntrywayError):
    """The route needs a login, but no authorization server is bound."""

    code: ClassVar[str] = "login_unavailable"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "Logging in is not possible at the moment"


class SessionStoreUnavailable(EntrywayError):
    """Who is calling is known to the store of shared sessions, and that cannot be reached."""

    code: ClassVar[str] = "session_store_unavailable"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "Sessions cannot be looked up at the moment"


class TenantMismatch(Forbidden):
    """The user belongs to another tenant than the one whose host is asked."""

    code = "tenant_mismatch"
    title = "You are logged in at another tenant"


class TenantUnknown(BadRequest):
    """The host asked for is none of a tenant's that the platform knows."""

    code = "tenant_unknown"
    title = "There is no application at this address"


class TenantLookupFailed(UpstreamError):
    """Whose host is asked for cannot be found out, because the platform's directory does not say."""

    code = "tenant_lookup_failed"
    title = "The application at this address cannot be reached at the moment"


class InsufficientScope(Forbidden):
    """The user has none of the scopes that the route requires."""

    code = "insufficient_scope"
    title = "You do not have the permission that this needs"


class CsrfTokenRequired(Forbidden):
    """A request that changes something came without the session's CSRF token."""

    code = "csrf_token_required"
    title = "The request lacks a valid CSRF token"


class InsecureTransport(Forbidden):
    """Plain HTTP where the configuration demands HTTPS."""

    code = "https_required"
    title = "This application is available over HTTPS only"


class OriginNotAllowed(Forbidden):
    code = "origin_not_allowed"


class LoginFailed(EntrywayError):
    """A login could not be completed; the page offers another try."""

    code: ClassVar[str] = "login_failed"
    status: ClassVar[int] = 401
    title: ClassVar[str] = "The login did not succeed"


class LoginCookieMissing(LoginFailed):
    code = "login_cookie_missing"
    status = 400
    title = "The browser did not send the cookies of the login"


class LoginLocationRefused(LoginFailed):
    code = "login_location_refused"
    status = 400
    title = "The address to return to is not one that this application gave"


class LoginStateMissing(LoginFailed):
    code = "login_state_missing"
    status = 400


class LoginStateInvalid(LoginFailed):
    """The login was begun in another browser, is too old, or was used already."""

    code = "login_state_invalid"
    title = "The login took too long, or was begun elsewhere"


class LoginDenied(LoginFailed):
    """The authorization server sent the user back with an error."""

    code = "login_denied"
    status = 403
    title = "The login was refused"


class LoginServerFailed(LoginFailed):
    """The authorization server could not complete the login."""

    code = "login_server_failed"
    status = 502
    title = "The authorization server could not complete the login"


class CodeRefused(LoginFailed):
    """The authorization server did not accept the code that came back."""

    code = "login_code_refused"
    status = 401


class TokenInvalid(LoginFailed):
    """What the token endpoint answered is not a token for this application."""

    code = "login_token_invalid"
    status = 502
    title = "The authorization server gave a token that is not for this application"


class ServiceAuthorizationMalformed(BadRequest):
    """A service calls with an `x-approuter-authorization` that cannot be read."""

    code = "service_authorization_malformed"


class ServiceAuthorizationRefused(Unauthorized):
    """A service calls with a token, or a name and password, that is not to be believed."""

    code = "service_authorization_refused"
    title = "The call is not authorized"


class ServiceSessionMalformed(BadRequest):
    """A service names a session by an id, or an expiry, that cannot be read."""

    code = "service_session_malformed"


class ServiceSessionRefused(Unauthorized):
    """A service names a session that it may not name, or that has expired."""

    code = "service_session_refused"
    title = "The call is not authorized"


class CallerCertificateMissing(Unauthorized):
    """A subscription manager calls without a certificate that counts."""

    code = "caller_certificate_missing"
    title = "The call is not authorized"


class CallerCertificateRefused(Forbidden):
    """Somebody else than the subscription manager calls."""

    code = "caller_certificate_refused"


class CallbackRefused(BadRequest):
    """A subscription callback lacks what it must say."""

    code = "callback_refused"


class DestinationNotFound(NotFound):
    """The request names a destination that does not exist, or may not be reached this way."""

    code = "destination_not_found"
    title = "There is nothing at this address"


class DestinationFailed(UpstreamError):
    """The destination cannot be used: unknown to the service, incomplete, or without its token."""

    code = "destination_failed"
    title = "The system behind this address is not set up correctly"


class ServiceTokenFailed(UpstreamError):
    """A service of another application cannot be asked, because there is no token for it."""

    code = "service_token_failed"
    title = "A system behind this application could not be logged on to"


class ApplicationFailed(UpstreamError):
    """An application of the HTML5 application repository has no routes that can be used."""

    code = "application_failed"
    title = "The application at this address is not set up correctly"


class HostUnknown(NotFound):
    code = "host_unknown"
    title = "There is no application at this address"
