"""What an `xs-app.json` says in another language than the one it is read in: each rule returns warnings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from entryway.config.mistakes import Mistake
from entryway.config.xs_app import Route, ToDestination, XsApp

XSAPPNAME = "$XSAPPNAME"
_BETWEEN_SLASHES = re.compile(r"/(\^.*?)(?:/[a-z]*)?|/(.*\$)/[a-z]*")
_STAR_OF_FILE_NAMES = re.compile(r"/\*(?:/|\Z)")
_GROUP = re.compile(r"\$[1-9][0-9]?")


def advise_on_spelling(xs_app: XsApp, file: str) -> list[Mistake]:
    """Return every warning about expressions, groups, placeholders and origins that mean something else here."""
    return [
        *_expressions(xs_app.routes, file),
        *_groups(xs_app.routes, file),
        *_placeholders(xs_app.routes, file),
        *_origins(xs_app, file),
    ]


def _expressions(routes: Sequence[Route], file: str) -> Iterator[Mistake]:
    for route in routes:
        source = route.source.source
        if between := _BETWEEN_SLASHES.fullmatch(source):
            rule = f'the source "{source}" matches nothing: slashes do not stand around an expression here'
            hint = f"write {between[1] or between[2]}; for upper and lower case alike, add matchCase"
        elif (prefix := route.source.literal_prefix) and not prefix.startswith("/"):
            rule = f'the source "{source}" matches nothing: paths begin with a slash'
            hint = f"write {source.replace('^', '^/', 1)}"
        elif star := _STAR_OF_FILE_NAMES.search(source):
            rule = f'in the source "{source}", * repeats the slash before it, and does not stand for names'
            hint = f"write ^{source[: star.start()].removeprefix('^')}/(.*)$"
        else:
            continue
        yield Mistake(file, f"{route.place}/source", rule, hint, "warning")


def _groups(routes: Sequence[Route], file: str) -> Iterator[Mistake]:
    hint = "put what it stands for into parentheses, in the source"
    for route in routes:
        there = route.source.pattern.groups
        goal, target = route.goal, route.target
        texts = {}
        if target is not None and "$$" not in target.source:
            texts["target"] = "".join(part for part in target.parts if isinstance(part, str))
        if isinstance(goal, ToDestination) and goal.template is None:
            texts["destination"] = goal.name
        for key, text in texts.items():
            if group := _GROUP.search(text):
                rule = f"the {key} names the group {group[0]}, and the source has {there or 'none'}: it stays"
                yield Mistake(file, f"{route.place}/{key}", rule, hint, "warning")


def _placeholders(routes: Sequence[Route], file: str) -> Iterator[Mistake]:
    for route in routes:
        for scope in () if route.scopes is None else route.scopes.names():
            if XSAPPNAME not in scope and XSAPPNAME in scope.upper():
                rule = f'the scope "{scope}" is asked for as it is written: nobody can have it'
                yield Mistake(file, f"{route.place}/scope", rule, f"write {XSAPPNAME} in capital letters", "warning")


def _origins(xs_app: XsApp, file: str) -> Iterator[Mistake]:
    for index, entry in enumerate(xs_app.cors):
        for number, origin in enumerate(entry.allowed_origin):
            protocol, scheme, host = (origin.host or "").partition("://")
            if scheme:
                rule = f'the host "{origin.host}" has a protocol: no origin is allowed by it'
                hint = f'write {{"protocol": "{protocol}", "host": "{host.partition("/")[0]}"}}'
                yield Mistake(file, f"/cors/{index}/allowedOrigin/{number}/host", rule, hint, "warning")
