"""What shapes alone cannot show to be mistaken in `xs-app.json`: rules for routes, and for what stands beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from entryway.config.header_rules import header_rule
from entryway.config.mistakes import Mistake
from entryway.config.schema import pointer
from entryway.config.xs_app_document import (
    ErrorPageDocument,
    HeaderDocument,
    LogoutDocument,
    RouteDocument,
    XsAppDocument,
)
from entryway.config.xs_app_model import REPOSITORY, XS_APP, Route, ToDestination


def document_mistakes(root: XsAppDocument, routes: Sequence[Route], workdir: Path) -> list[Mistake]:
    """Return what is mistaken beside the routes."""
    return [
        *_logout_mistakes(root.logout),
        *_unused_destinations(root, routes),
        *_error_page_mistakes(root.error_page, workdir),
        *_timeout_mistakes(root.session_timeout),
        *_header_mistakes(root.response_headers),
    ]


def route_mistakes(document: RouteDocument, place: str, workdir: Path) -> list[Mistake]:
    """Return what is mistaken in a route beside its source."""
    rules: list[tuple[str, str]] = []
    goals = [
        name
        for name, value in (
            ("localDir", document.local_dir),
            ("service", document.service),
            ("destination", document.destination),
        )
        if value is not None
    ]
    if not goals:
        rules.append(("Route does not have a destination nor a localDir nor a service", "give it exactly one of them"))
    if len(goals) > 1:
        rules.append((f"Route has both {' and '.join(goals)}", "keep exactly one of them"))
    if document.local_dir is not None:
        rules += _folder_rules(document, workdir)
    if document.replace is not None and document.local_dir is None:
        rules.append(("Route has replace with no localDir", "replace works on files"))
    if document.identity_provider is not None and document.authentication_type == "none":
        rules.append(("Route has both identityProvider and authenticationType none", "nobody logs in there"))
    mistakes = [Mistake(XS_APP, place, f"Format validation failed ({rule})", hint) for rule, hint in rules]
    if document.scope is not None and document.authentication_type == "none":
        warning = "the scope has no effect, because the route is public (authenticationType none)"
        mistakes.append(Mistake(XS_APP, f"{place}/scope", warning, "remove one of the two", "warning"))
    if document.cache_control is not None and document.local_dir is None and document.service != REPOSITORY:
        warning = "cacheControl has no effect here: backends say themselves how long their answers may be kept"
        mistakes.append(Mistake(XS_APP, f"{place}/cacheControl", warning, "it is for localDir", "warning"))
    if document.endpoint is not None and document.service is None:
        warning = "the endpoint has no effect, because the route leads to no service"
        mistakes.append(Mistake(XS_APP, f"{place}/endpoint", warning, "remove it", "warning"))
    return mistakes


def _folder_rules(document: RouteDocument, workdir: Path) -> list[tuple[str, str]]:
    rules = []
    if not inside(workdir, document.local_dir or "").is_dir():
        rules.append((f"{document.local_dir} is not a directory", "paths are relative to xs-app.json"))
    if document.http_methods is not None:
        rules.append(("Route has both localDir and httpMethods", "files are served for GET and HEAD only"))
    return rules


def inside(workdir: Path, path: str) -> Path:
    """Return what a path means: a slash at its beginning is the working directory, not the machine's root."""
    return workdir / path.lstrip("/")


def _logout_mistakes(logout: LogoutDocument | None) -> list[Mistake]:
    if logout is None:
        return []
    rules = []
    if logout.logout_page is not None and logout.logout_endpoint is None:
        rules.append("Logout page is set although logout endpoint is not configured")
    if logout.csrf_protection is not None and logout.logout_method != "POST":
        rules.append("Unable to set csrfProtection when logout method is not POST")
    if logout.back_channel_logout_endpoint and logout.back_channel_logout_endpoint == logout.logout_endpoint:
        rules.append("logoutEndpoint must be different from backChannelLogoutEndpoint")
    return [Mistake(XS_APP, "/logout", f"Format validation failed ({rule})") for rule in rules]


def _unused_destinations(root: XsAppDocument, routes: Sequence[Route]) -> list[Mistake]:
    named = [raw.get("destination") for raw in root.routes if isinstance(raw, dict)]
    used = {name for name in named if isinstance(name, str)}
    dynamic = any(isinstance(route.goal, ToDestination) and route.goal.template for route in routes) or "*" in used
    unused = [] if dynamic else [name for name in root.destinations if name not in used]
    return [
        Mistake(
            XS_APP,
            pointer(["destinations", name]),
            f'Format validation failed (Destination(s) "{name}" not used by any route)',
            "remove it, or add the route",
        )
        for name in unused
    ]


def _error_page_mistakes(pages: Sequence[ErrorPageDocument], workdir: Path) -> list[Mistake]:
    mistakes = []
    for index, page in enumerate(pages):
        place = f"/errorPage/{index}"
        if (page.file is None) == (page.path is None):
            rule = "Format validation failed (an error page has either a file or a path)"
            mistakes.append(Mistake(XS_APP, place, rule))
        elif page.file is not None and not inside(workdir, page.file).is_file():
            mistakes.append(Mistake(XS_APP, f"{place}/file", f"Format validation failed ({page.file} is not a file)"))
        elif page.path is not None and (not page.path or "://" in page.path or page.path.startswith("//")):
            rule = f'Format validation failed ("{page.path}" is not a path of this application)'
            mistakes.append(Mistake(XS_APP, f"{place}/path", rule))
    return mistakes


def _timeout_mistakes(minutes: int | None) -> list[Mistake]:
    if minutes is not None and minutes < 0:
        return [Mistake(XS_APP, "/sessionTimeout", f"Value {minutes} is less than minimum 1")]
    if minutes == 0:
        rule = "0 stands for the default of 15 minutes"
        return [Mistake(XS_APP, "/sessionTimeout", rule, "say 15, or leave it out", "warning")]
    return []


def _header_mistakes(headers: Sequence[HeaderDocument]) -> list[Mistake]:
    return [
        Mistake(XS_APP, f"/responseHeaders/{index}", f"Format validation failed ({rule})")
        for index, header in enumerate(headers)
        if (rule := header_rule(header.name, header.value))
    ]
