"""The text, or JSON, that `entryway explain` prints."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from entryway.landscape.router_environment import environment_around
from entryway.router.explain import Explanation, explain

NAME_WIDTH = 7
OUTCOMES = {
    "forward": "is forwarded to a backend",
    "file": "is answered with a file",
    "user_api": "is answered by the router's own service",
    "plugin_metadata": "is answered with the configured plugins",
    "allowlist": "is answered with whether a page may show the application in a frame",
    "hosted_application": "is for an application of the HTML5 repository",
    "login_start": "is where a proxy sends people to log in",
    "subscription_callback": "is how the registry tells of tenants",
    "login_callback": "is where the browser comes back from login",
    "logout": "logs the user out",
    "back_channel_logout": "ends sessions for the identity service",
    "welcome_redirect": "is redirected to the welcome page",
    "method_not_allowed": "is refused: 405, no route takes this method",
    "not_found": "is refused: 404, no route matches",
    "refused": "is refused: the path cannot be understood safely",
}


def show(method: str, url: str, workdir: Path, *, as_json: bool) -> None:
    """Print what the router of a folder does with a request."""
    explanation = explain(workdir, method, url, {**environment_around(workdir), **os.environ})
    # The reader may be a file or a pipe; then nothing must be cut off or broken into lines.
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.print_json(json.dumps(asdict(explanation)))
        return
    outcome = OUTCOMES.get(explanation.outcome, explanation.outcome)
    console.print(f"[bold]{escape(explanation.method)} {escape(explanation.url)}[/bold] {outcome}")
    for name, value in (*_way(explanation), *_conditions(explanation)):
        console.print(f"  [dim]{name:<{NAME_WIDTH}}[/dim] {escape(value)}")


def _way(explanation: Explanation) -> Iterator[tuple[str, str]]:
    """Yield which route takes the request, and where that leads."""
    if explanation.place is not None:
        yield "route", f"{explanation.place}  {explanation.source}"
    for step in explanation.earlier:
        yield "not", f"{step.place}  {step.source}  {step.reason}"
    for name, value in (("to", explanation.goal), ("as", explanation.target), ("at", explanation.upstream)):
        if value is not None:
            yield name, value


def _conditions(explanation: Explanation) -> Iterator[tuple[str, str]]:
    """Yield what is asked of whoever makes the request."""
    if explanation.login is not None:
        yield "login", _login(explanation)
        yield "scope", _scope(explanation)
        yield "csrf", "the header x-csrf-token is needed, else 403" if explanation.csrf else "no token needed"
    if explanation.allowed_methods:
        yield "methods", ", ".join(explanation.allowed_methods)
    for note in dict.fromkeys(explanation.notes):
        yield "note", note


def _scope(explanation: Explanation) -> str:
    if explanation.scopes:
        return f"any one of {', '.join(explanation.scopes)}, else 403"
    return "none needed" + ("" if explanation.login == "none" else ": every user who is logged in")


def _login(explanation: Explanation) -> str:
    if explanation.login == "none":
        return "none: everybody"
    return f"{explanation.login}; without a session: {explanation.without_session}"
