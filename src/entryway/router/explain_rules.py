"""Which rules count for a request besides its route: one function for each, and tables that list them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from entryway.config.xs_app import ToDestination, ToFolder, ToService
from entryway.config.xs_app_model import ToApplication
from entryway.router.cors import build_cors
from entryway.router.csrf import SAFE_METHODS
from entryway.router.deciding import why_by_router
from entryway.router.explain_asked import Asked, Known
from entryway.router.explain_goals import OWN_SERVICES
from entryway.router.returned import additions
from entryway.router.routes import ServedRoute
from entryway.router.session_length import session_minutes
from entryway.router.tenants import Tenants

SERVICE_CALL = "x-approuter-authorization"


def transport(asked: Asked, known: Known) -> Iterator[str]:
    environment = known.environment
    if environment.secure_session_cookie and asked.scheme != "https":
        yield "SECURE_SESSION_COOKIE: 403 for everything that comes by http, as x-forwarded-proto says if it is there"
    if environment.validate_forwarded_host:
        yield "ENABLE_X_FORWARDED_HOST_VALIDATION: 400 if x-forwarded-host is no host"
    if environment.trusted_proxies is not None:
        yield "TRUSTED_PROXIES: x-forwarded-* counts from these addresses alone"


def tenant(asked: Asked, known: Known) -> Iterator[str]:
    pattern = known.environment.tenant_host_pattern
    if pattern is None:
        return
    if known.environment.external_reverse_proxy or not asked.host:
        where = "x-custom-host" if known.environment.external_reverse_proxy else "the host, which this path has not"
        yield f"TENANT_HOST_PATTERN: the tenant is in {where}"
        return
    found = Tenants(pattern, custom_host=False, provider="", provider_zone="").of_host(asked.host)
    yield f"TENANT_HOST_PATTERN: the tenant is {found}" if found else "TENANT_HOST_PATTERN: the host names no tenant"


def cross_origin(asked: Asked, known: Known) -> Iterator[str]:
    rule = build_cors(known.xs_app.cors, known.environment.cors).rule_for(asked.path, asked.host)
    if rule is None:
        return
    source = "cors" if rule.document in known.xs_app.cors else "CORS"
    origins = ", ".join(origin.host or "any host" for origin in rule.document.allowed_origin)
    yield f"{source}: pages of {origins} may ask, with {', '.join(rule.document.allowed_methods)}; others get 403"
    if asked.method == "OPTIONS":
        yield f"{source}: with access-control-request-method this is a preflight, answered before any login"


def answer_headers(_: Asked, known: Known) -> Iterator[str]:
    environment = known.environment
    added = additions(
        environment.http_headers, known.xs_app.response_headers, frame_options=environment.send_x_frame_options
    )
    said = {name.lower() for name, _ in known.xs_app.response_headers}
    said_outside = {name.lower() for name, _ in environment.http_headers}
    for name, value in added.headers:
        text = name.decode()
        head = "responseHeaders" if text in said else "httpHeaders" if text in said_outside else "SEND_XFRAMEOPTIONS"
        yield f"{head}: {text}: {value.decode('latin-1')}, unless the backend says it itself"
    if environment.frame_ancestors_seconds is not None:
        yield "ENABLE_FRAME_ANCESTORS_CSP_HEADERS: the tenant's trusted domains may show the answer in a frame"
    if environment.merge_csp:
        yield "MERGE_CSP_HEADERS: our policy is sent beside one of the backend"


def error_pages(_: Asked, known: Known) -> Iterator[str]:
    for page in known.xs_app.error_pages:
        statuses = ", ".join(str(status) for status in sorted(page.statuses))
        shown = f"redirected to {page.path}" if page.file is None else f"answered with {page.file.name}"
        yield f"errorPage: {statuses} of the router is {shown}"
    if known.environment.return_error_source:
        yield "RETURN_ERROR_SOURCE: errors of the router say x-error-source: gateway"


def login(_: Asked, known: Known, served: ServedRoute) -> Iterator[str]:
    if served.public:
        return
    services, environment = known.services, known.environment
    if known.complete and (services.identity if served.login == "ias" else services.uaa) is None:
        yield "login: 503, because nothing is bound that could log users in"
    route = served.route
    if route.identity_provider is not None:
        yield f"identityProvider: users log in at {route.identity_provider}"
    if route.dynamic_identity_provider:
        yield "dynamicIdentityProvider: the query's sap_idp chooses where users log in"
    if not (known.xs_app.state_protection and environment.state_protection):
        yield "stateProtection: off, so a login is not bound to the browser that began it"
    elif not environment.pkce:
        yield "PKCE_ENABLED: off, so a code alone is enough to log in"
    if not environment.preserve_fragment:
        yield "PRESERVE_FRAGMENT: off, so people are redirected to the login without what stands behind #"


def session(_: Asked, known: Known, served: ServedRoute) -> Iterator[str]:
    if served.public:
        return
    environment = known.environment
    minutes = session_minutes(environment, known.xs_app)
    where = "in the store that all instances share" if known.shares_sessions else "in the memory of this process"
    name = environment.session_cookie_name
    yield f"session: the cookie {name} names it; it ends after {minutes} minutes without a request, and is {where}"
    if environment.jwt_refresh_minutes:
        yield f"JWT_REFRESH: the token is renewed {environment.jwt_refresh_minutes} minutes before its end"
    else:
        yield "JWT_REFRESH: off, so the session ends with its token"


def csrf_token(asked: Asked, _: Known, served: ServedRoute) -> Iterator[str]:
    if not served.public and not served.csrf:
        yield "csrfProtection: off, so x-csrf-token is the backend's"
    elif asked.method in SAFE_METHODS:
        whose = "a new anonymous session" if served.public else "the session"
        yield f"x-csrf-token: fetch is answered with the token of {whose}"


def service_calls(_: Asked, known: Known, served: ServedRoute) -> Iterator[str]:
    if served.public or (known.services.uaa is None and known.services.identity is None):
        return
    settings = known.environment.service_sessions
    needs = known.shares_sessions and settings.keeps_csrf_token
    token = "the token of its session is needed, too" if needs else "no csrf token is needed then"
    yield f"{SERVICE_CALL}: a service's token, or name and password, counts instead of a session; {token}"


def plugin(_: Asked, known: Known, served: ServedRoute) -> Iterator[str]:
    if any(served.route.place == route.place for route in known.plugins):
        yield "plugins: the route is one of the variable plugins, which go before those of the file"


def backend_cookies(_: Asked, __: Known, served: ServedRoute) -> Iterator[str]:
    if served.route.set_backend_session_cookies:
        yield "setBackendSessionCookies: session cookies of the backend reach the browser"


def provider_destination(_: Asked, __: Known, served: ServedRoute) -> Iterator[str]:
    if served.route.prefer_local:
        yield "preferLocal: the destination is the provider's own, not the subscriber's"


def files(asked: Asked, _: Known, served: ServedRoute) -> Iterator[str]:
    goal = served.route.goal
    if isinstance(goal, ToFolder):
        if asked.method not in ("GET", "HEAD"):
            yield "files answer GET and HEAD only: 405"
        if goal.replace is not None:
            yield f"replace: placeholders are filled in, in files that end in {', '.join(goal.replace.path_suffixes)}"
    if isinstance(goal, ToFolder | ToApplication) and goal.cache_control is not None:
        yield f"cacheControl: the answer says {goal.cache_control}"


def backend_logout(_: Asked, known: Known, served: ServedRoute) -> Iterator[str]:
    goal, xs_app = served.route.goal, known.xs_app
    if isinstance(goal, ToDestination) and goal.name in xs_app.backend_logouts:
        yield f"destinations: its {xs_app.backend_logouts[goal.name].path} is called when a session ends"
    if isinstance(goal, ToService) and goal.name in xs_app.service_logouts:
        yield f"services: its {xs_app.service_logouts[goal.name].path} is called when a session ends"


def websockets(asked: Asked, known: Known, served: ServedRoute) -> Iterator[str]:
    goal = served.route.goal
    if asked.method != "GET" or not isinstance(goal, ToDestination | ToService) or goal.name in OWN_SERVICES:
        return
    if not known.xs_app.websockets:
        yield "websockets: off, so a request to open one gets 403"
        return
    origins = known.environment.websocket_origins
    pages = "the application's own" if origins is None else ", ".join(origin.host for origin in origins) + "'s"
    yield f"websockets: a request to open one is passed on from {pages} pages; from others it gets 403"


def compression(asked: Asked, known: Known, _: ServedRoute) -> Iterator[str]:
    rules = known.environment.compression or known.xs_app.compression
    head = "compression" if known.environment.compression is None else "COMPRESSION"
    if not rules.enabled:
        yield f"{head}: off"
    elif asked.method != "HEAD":
        mixed = ", and multipart/mixed," if rules.compress_response_mixed_type_content else ""
        yield f"{head}: text{mixed} of {rules.min_size} bytes or more, for clients that can read it"


def decision(_: Asked, known: Known, served: ServedRoute) -> Iterator[str]:
    if known.environment.decision_port is None:
        return
    why = why_by_router(served.route, known.environment)
    told = "a proxy that asks may carry the bytes" if why is None else f"the router serves it itself, because {why}"
    yield f"ENTRYWAY_DECISION_PORT: {told}"


EVERYWHERE: tuple[Callable[[Asked, Known], Iterator[str]], ...] = (
    transport,
    tenant,
    cross_origin,
    answer_headers,
    error_pages,
)
"""For every request, whoever answers it."""
OF_ROUTES: tuple[Callable[[Asked, Known, ServedRoute], Iterator[str]], ...] = (
    plugin,
    login,
    session,
    csrf_token,
    service_calls,
    provider_destination,
    backend_cookies,
    files,
    backend_logout,
    websockets,
    compression,
    decision,
)
"""For requests that a route takes."""


def rules_everywhere(asked: Asked, known: Known) -> tuple[str, ...]:
    """Return what counts for the request, whoever answers it."""
    return tuple(note for rule in EVERYWHERE for note in rule(asked, known))


def rules_of_route(asked: Asked, known: Known, served: ServedRoute) -> tuple[str, ...]:
    """Return what counts for the request because a route takes it."""
    return tuple(note for rule in OF_ROUTES for note in rule(asked, known, served))
