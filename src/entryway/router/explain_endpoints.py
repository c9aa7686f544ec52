"""What the router answers itself, before it looks at any route: told for a request that comes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from entryway.config.subscription_callbacks import SubscriptionCallbacks
from entryway.config.xs_app_model import REPOSITORY
from entryway.router.deciding import LOGIN_START
from entryway.router.explain_asked import Asked, Known
from entryway.router.hosted_address import HostedAddress, hosted_prefixes, parse_hosted_address


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """What the router does with a request of its own."""

    outcome: str
    target: str | None = None
    allowed: tuple[str, ...] = ()
    csrf: bool = False
    notes: tuple[str, ...] = ()


def own_answer(asked: Asked, known: Known) -> OwnAnswer | None:
    """Return what the router does by itself, or None if the routes have the request."""
    return next((found for look in ENDPOINTS if (found := look(asked, known)) is not None), None)


def hosted_address(asked: Asked, known: Known) -> HostedAddress | None:
    """Return the application of the HTML5 repository that is looked for, if there are such applications here."""
    if REPOSITORY not in known.business_services:
        return None
    prefixes = hosted_prefixes(known.environment.own_cloud_services, known.business_services)
    return parse_hosted_address(asked.target, prefixes, known.environment.direct_routing_patterns)


def _callback(asked: Asked, known: Known) -> OwnAnswer | None:
    if asked.path != known.xs_app.callback_endpoint or asked.method != "GET":
        return None
    notes = ["the authorization server sends browsers here"]
    if known.xs_app.state_protection and known.environment.state_protection:
        notes.append(
            "stateProtection: 401 unless the login was begun in the same browser, within 180 seconds, and once"
        )
        notes.append("a tab that comes back after another one has logged in is led to where it was")
    notes.append("who is logged in already and brings no locationAfterLogin gets what the routes say")
    return OwnAnswer("login_callback", notes=tuple(notes))


def _logout(asked: Asked, known: Known) -> OwnAnswer | None:
    logout = known.xs_app.logout
    if logout.endpoint is None or asked.path != logout.endpoint:
        return None
    if asked.method != logout.method:
        return OwnAnswer("method_not_allowed", allowed=(logout.method,))
    return OwnAnswer("logout", csrf=logout.method == "POST" and logout.csrf, notes=tuple(_logout_notes(known)))


def _logout_notes(known: Known) -> Iterator[str]:
    logout = known.xs_app.logout
    how = "redirected" if logout.method == "GET" else "told, in the body, to go"
    page = "" if logout.page is None else f", and from there to {logout.page}"
    yield f"logoutPage: the browser is {how} to the authorization server's logout{page}; skip-redirect leaves it here"
    yield from _backends_told(known)


def _backends_told(known: Known) -> Iterator[str]:
    for kind, logouts in (("destinations", known.xs_app.backend_logouts), ("services", known.xs_app.service_logouts)):
        for name, told in logouts.items():
            yield f"{kind}: {told.method} {told.path} of {name} is called, if there was a session"


def _back_channel(asked: Asked, known: Known) -> OwnAnswer | None:
    if asked.path != known.xs_app.logout.back_channel_endpoint or asked.method != "POST":
        return None
    meaning = "the identity service ends sessions here, with a logout token; anything else gets 400"
    return OwnAnswer("back_channel_logout", notes=(meaning, *_backends_told(known)))


def _subscription(asked: Asked, known: Known) -> OwnAnswer | None:
    if known.callbacks is not None and known.services.uaa is not None:
        scope = f"401 without a token, 403 without its scope {known.xsappname}.Callback or {known.xsappname}.mtcallback"
        if (answer := _callback_of(asked, known.callbacks, scope)) is not None:
            return answer
    manager = known.manager_callbacks
    if manager is None or manager.subject is None or manager.issuer is None:
        return None
    header = known.environment.client_certificate_header
    shown = f"401 without a certificate in {header}, 403 if its subject or issuer is not the subscription manager's"
    return _callback_of(asked, manager.callbacks, shown)


def _callback_of(asked: Asked, callbacks: SubscriptionCallbacks, refusals: str) -> OwnAnswer | None:
    asks = callbacks.dependencies_path
    if asks is not None and asks.fullmatch(asked.path):
        if asked.method != "GET":
            return OwnAnswer("method_not_allowed", allowed=("GET",), notes=(refusals,))
        depends = f"getDependencies: {len(callbacks.dependencies)} services"
        return OwnAnswer("subscription_callback", notes=(refusals, depends))
    tells = callbacks.subscription_path
    if tells is None or not tells.fullmatch(asked.path):
        return None
    if asked.method not in ("PUT", "DELETE"):
        return OwnAnswer("method_not_allowed", allowed=("PUT", "DELETE"), notes=(refusals,))
    meaning = "onSubscription: a tenant comes, and is told its address" if asked.method == "PUT" else "a tenant leaves"
    return OwnAnswer("subscription_callback", notes=(refusals, meaning))


def _login_start(asked: Asked, known: Known) -> OwnAnswer | None:
    if asked.path != LOGIN_START or known.environment.decision_port is None:
        return None
    return OwnAnswer(
        "login_start", notes=("a proxy that asks for decisions sends people here whom it let not through",)
    )


def _welcome(asked: Asked, known: Known) -> OwnAnswer | None:
    if asked.path != "/" or known.xs_app.welcome_file is None:
        return None
    fetching = "with x-csrf-token: fetch the page itself is answered"
    return OwnAnswer("welcome_redirect", "/" + known.xs_app.welcome_file.lstrip("/"), notes=(fetching,))


ENDPOINTS: tuple[Callable[[Asked, Known], OwnAnswer | None], ...] = (
    _callback,
    _logout,
    _back_channel,
    _subscription,
    _login_start,
    _welcome,
)
"""In the order in which the router looks."""
