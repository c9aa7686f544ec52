"""Where a route leads, told: which destination, service, file or application, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from entryway.config.business_services import BusinessService
from entryway.config.xs_app import USER_API, ToDestination, ToFolder, ToService
from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.config.xs_app_model import ToApplication
from entryway.router.built_in import ALLOWLIST, PLUGIN_METADATA
from entryway.router.explain_asked import Asked, Known
from entryway.router.routes import Match

OWN_SERVICES = {USER_API: "user_api", PLUGIN_METADATA: "plugin_metadata", ALLOWLIST: "allowlist"}


@dataclass(frozen=True, slots=True)
class Led:
    """Where a request is led."""

    outcome: str
    goal: str
    upstream: str | None = None
    """The full URL, if it is known without asking anybody."""
    notes: tuple[str, ...] = ()


def lead(match: Match, asked: Asked, known: Known) -> Led:
    """Return where the route leads the request."""
    goal = match.served.route.goal
    target = match.target()
    if isinstance(goal, ToFolder):
        slash = "it is the folder without its slash: 301 to the address with one"
        bare = match.bare and not asked.path.endswith("/")
        return Led("file", f"folder {goal.path}", None, (slash,) if bare else ())
    if isinstance(goal, ToApplication):
        return Led("forward", "the HTML5 repository")
    if isinstance(goal, ToService):
        return _service(goal, target, asked, known)
    name = _name(match, goal, asked, known)
    if name is None:
        why = "DESTINATION_HOST_PATTERN: the host says the destination" + (
            ", and this one says none: 404" * bool(asked.host)
        )
        return Led("forward", "the destination that the host names", None, (why,))
    found = known.environment.destinations.get(name)
    if found is None:
        return Led("forward", f"destination {name}", None, tuple(_unknown(name, goal, known)))
    return Led("forward", f"destination {name}", found.url.rstrip("/") + target, tuple(_destination(found, match)))


def _name(match: Match, goal: ToDestination, asked: Asked, known: Known) -> str | None:
    if goal.template is not None:
        return goal.template.expand(match.found)
    if goal.name != "*":
        return goal.name
    pattern = known.environment.destination_host_pattern
    found = None if pattern is None else pattern.pattern.search(asked.host)
    return None if found is None or not found.groups() else found[1]


def _unknown(name: str, goal: ToDestination, known: Known) -> Iterator[str]:
    if not known.complete:
        return
    if known.services.destination is None:
        yield f"404: no destination is named {name}, and no destination service is bound"
        return
    yield f"the destination service is asked for {name}, with the user's token if there is one"
    if name != goal.name:
        yield "HTML5.DynamicDestination: the destination must have it, because the client chose the name; else 502"


def _destination(found: EnvironmentDestination, match: Match) -> Iterator[str]:
    yield f"timeout: {found.timeout_ms} ms in which nothing comes, then 504"
    if found.on_premise:
        yield "proxyType: the system is in a company network, and asked through the connectivity proxy"
    if found.proxy is not None:
        yield f"proxyHost: it is asked through {found.proxy[0]}:{found.proxy[1]}"
    if found.forward_auth_token:
        yield "forwardAuthToken: the user's token is sent as Authorization: Bearer"
    elif not match.served.public:
        yield "forwardAuthToken: off, so the backend does not learn who asks"
    if found.forward_auth_certificates:
        yield "forwardAuthCertificates: the certificate of the login's binding is shown"
    if not found.strict_ssl:
        yield "strictSSL: off, so its certificate is not verified"
    if not found.set_x_forwarded_headers:
        yield "setXForwardedHeaders: off, so it gets no x-forwarded-*"
    if found.preserve_host:
        yield "preserveHostHeader: it gets the client's Host"
    if found.ias_dependency_name is not None:
        meant = f"the token for the dependency {found.ias_dependency_name}"
        yield f"users of the identity service are shown to the destination by {meant}"


def _service(goal: ToService, target: str, asked: Asked, known: Known) -> Led:
    own = OWN_SERVICES.get(goal.name)
    if own is not None:
        return Led(own, f"service {goal.name}", None, tuple(_own(own, asked, known)))
    named = f"service {goal.name}" + (f" endpoint {goal.endpoint}" if goal.endpoint else "")
    bound = known.business_services.get(goal.name)
    if bound is None:
        return Led("forward", named)
    endpoint = bound.credentials.endpoint(goal.endpoint)
    upstream = None if endpoint is None else endpoint.url.rstrip("/") + target
    return Led("forward", named, upstream, tuple(_logon(bound)))


def _own(own: str, asked: Asked, known: Known) -> Iterator[str]:
    if own == "user_api":
        return
    if asked.method != "GET":
        yield "404: HEAD is not served here" if asked.method == "HEAD" else "405: it can only be read"
    if own == "plugin_metadata":
        yield f"plugins: {len(known.plugins)} of them"
    elif known.environment.allowlist is None:
        yield "CJ_PROTECT_WHITELIST: not set, so the answer is active: false"
    else:
        hosts = ", ".join(entry.host for entry in known.environment.allowlist)
        yield f"CJ_PROTECT_WHITELIST: pages of {hosts} may show the application in a frame"


def _logon(bound: BusinessService) -> Iterator[str]:
    credentials = bound.credentials
    if credentials.forwards_identity:
        yield "forwardiasauthentication: users of the identity service are shown to the service by its token"
    if credentials.grant_type == "mtls":
        yield "grant_type: mtls, so the binding's certificate is shown"
    elif bound.client is None:
        yield "grant_type: 502, because the binding has no client to log on with"
    elif credentials.grant_type == "client_credentials":
        yield "grant_type: client_credentials, so the service gets the application's own token"
    else:
        yield "grant_type: user_token, so the service gets the user's token, exchanged for it"
