"""What the router would do with a request, and why: the answer to *why do I get this?* without starting anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from entryway.config.xs_app import XsApp
from entryway.errors import EntrywayError
from entryway.router import csrf
from entryway.router.built_in import endpoint_routes
from entryway.router.explain_asked import Asked, Known, read_asked, read_known
from entryway.router.explain_endpoints import hosted_address, own_answer
from entryway.router.explain_goals import lead
from entryway.router.explain_rules import rules_everywhere, rules_of_route
from entryway.router.hosted_address import HostedAddress
from entryway.router.paths import check_path
from entryway.router.routes import Match, ServedRoute, serve_route


@dataclass(frozen=True, slots=True)
class Step:
    """One route that was tried, and why it did not take the request."""

    place: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of a request; everything that does not apply is None or empty."""

    method: str
    url: str
    outcome: str
    """`forward`, `file`, `user_api`, `plugin_metadata`, `allowlist`, `hosted_application`, `login_callback`,
    `login_start`, `logout`, `back_channel_logout`, `subscription_callback`, `welcome_redirect`, `method_not_allowed`,
    `not_found` or `refused`."""
    earlier: tuple[Step, ...] = ()
    place: str | None = None
    source: str | None = None
    goal: str | None = None
    """`destination NAME`, `folder PATH`, `service NAME` or `application NAME of the HTML5 repository`."""
    target: str | None = None
    """The path that the destination is asked for, or the file below the folder."""
    upstream: str | None = None
    """The full URL, if the destination is one of the environment."""
    login: str | None = None
    """`xsuaa` and so on, or `none`."""
    without_session: str | None = None
    """What happens to somebody who is not logged in."""
    scopes: tuple[str, ...] = ()
    """Any one of them suffices; empty: none is needed."""
    csrf: bool = False
    """Whether this request needs the session's CSRF token."""
    allowed_methods: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def explain(app: XsApp | Path, method: str, url: str, environ: Mapping[str, str] | None = None) -> Explanation:
    """Explain a request. `app` is a folder (its environment files and `environ` are read too) or a parsed file.

    Raises ConfigurationMistakes if the file itself is wrong; an environment that is incomplete only costs detail.
    """
    asked, known = read_asked(method, url), read_known(app, environ or {})
    try:
        check_path(asked.target)
    except EntrywayError as error:
        return Explanation(asked.method, asked.target, "refused", notes=(f"{error.status}: {error.detail}",))
    told = _explain(asked, known)
    return replace(told, notes=(*told.notes, *rules_everywhere(asked, known), *known.unchecked))


def _explain(asked: Asked, known: Known) -> Explanation:
    own = own_answer(asked, known)
    if own is not None:
        return Explanation(
            asked.method,
            asked.target,
            own.outcome,
            target=own.target,
            allowed_methods=own.allowed,
            csrf=own.csrf,
            notes=own.notes,
        )
    routes = _explain_routes(asked, known)
    hosted = hosted_address(asked, known)
    return routes if hosted is None else _explain_hosted(hosted, asked, routes)


def _explain_hosted(hosted: HostedAddress, asked: Asked, otherwise: Explanation) -> Explanation:
    """The repository is not asked here: its application's own file decides, and there may be none."""
    place = "" if otherwise.place is None else f" by {otherwise.place}"
    notes = ["the application's own xs-app.json decides: its routes, welcomeFile and logoutEndpoint, below its name"]
    if hosted.busted:
        notes.append("the segment ~…~ is taken out, and the answer may be kept for a year")
    if hosted.refresh:
        notes.append("skipXSAppJsonCache: its xs-app.json is fetched anew")
    notes.append(f"if the repository does not know it, the central routes count: {otherwise.outcome}{place}")
    return Explanation(
        asked.method,
        asked.target,
        "hosted_application",
        goal=f"application {hosted.key} of the HTML5 repository",
        target=hosted.url,
        notes=tuple(notes),
    )


def _explain_routes(asked: Asked, known: Known) -> Explanation:
    public = known.xs_app.authentication == "none"
    endpoints = endpoint_routes(known.xs_app.plugin_metadata_endpoint, known.xs_app.allowlist_endpoint)
    earlier: list[Step] = []
    mismatches: list[ServedRoute] = []
    choice = known.environment.dynamic_identity_provider
    for written in (*endpoints, *known.plugins, *known.xs_app.routes):
        chosen = written.dynamic_identity_provider
        route = written if chosen is not None else replace(written, dynamic_identity_provider=choice)
        served = serve_route(route, known.login, public, known.xsappname)
        found = served.search(asked.target)
        if found is None:
            earlier.append(Step(route.place, route.source.source, "the source does not match path and query"))
        elif route.methods is not None and asked.method not in route.methods:
            mismatches.append(served)
            allowed = ", ".join(sorted(route.methods))
            earlier.append(
                Step(route.place, route.source.source, f"the source matches, but httpMethods has {allowed} only")
            )
        else:
            return _explain_match(Match(served, found), asked, known, tuple(earlier))
    if mismatches:
        methods = tuple(sorted({name for served in mismatches for name in served.route.methods or ()}))
        return Explanation(asked.method, asked.target, "method_not_allowed", tuple(earlier), allowed_methods=methods)
    return Explanation(asked.method, asked.target, "not_found", tuple(earlier))


def _explain_match(match: Match, asked: Asked, known: Known, earlier: tuple[Step, ...]) -> Explanation:
    served = match.served
    led = lead(match, asked, known)
    required = served.method_scopes.get(asked.method, served.default_scopes) or frozenset()
    notes = led.notes
    if not served.public and not required and served.unlisted_method_refused:
        notes = (*notes, f"403: the route's scope names neither {asked.method} nor a default")
    return Explanation(
        asked.method,
        asked.target,
        led.outcome,
        earlier,
        served.route.place,
        served.route.source.source,
        led.goal,
        match.target(),
        led.upstream,
        served.login,
        _without_session(served, asked.method),
        () if served.public else tuple(sorted(required)),
        served.csrf and asked.method not in csrf.SAFE_METHODS,
        notes=(*notes, *rules_of_route(asked, known, served)),
    )


def _without_session(served: ServedRoute, method: str) -> str | None:
    if served.public:
        return None
    if served.login == "basic":
        return "401 that asks for name and password"
    return "the login page, or 401 for XMLHttpRequest" if method == "GET" else "401"
