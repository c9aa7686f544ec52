"""Cross-origin requests: which pages of other origins may call which paths, and with what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from entryway.config.js_regex import JsRegex, compile_js
from entryway.config.xs_app_document import CorsDocument
from entryway.http import Headers, Request, Response
from entryway.router.address import address_of
from entryway.router.errors import OriginNotAllowed
from entryway.router.websockets import origin_fits, same_origin

Header = tuple[bytes, bytes]


class CrossOriginRefused(OriginNotAllowed):
    """The page's origin, the method or a header is not allowed for this path."""

    code = "cors_refused"


@dataclass(frozen=True, slots=True)
class Rule:
    """What one entry of the configuration allows."""

    uri: JsRegex
    host: JsRegex | None
    document: CorsDocument
    methods: frozenset[str]
    headers: frozenset[str]

    def allows_origin(self, origin: str) -> bool:
        return any(origin_fits(origin, it.protocol, it.host, it.port) for it in self.document.allowed_origin)


@dataclass(frozen=True, slots=True)
class Cors:
    """All rules; the first whose patterns fit decides."""

    rules: tuple[Rule, ...]

    def check(self, request: Request, path: str) -> Response | tuple[Header, ...]:
        """Return the answer to a preflight request, or the headers for the answer to an ordinary one; or raise."""
        if not self.rules:
            return ()
        origin = request.headers.text("origin")
        if origin is None:
            return ()
        rule = self.rule_for(path, address_of(request).host)
        if rule is None or same_origin(origin, address_of(request)):
            return ()
        if not rule.allows_origin(origin):
            raise CrossOriginRefused(f"the origin {origin!r} is not allowed")
        requested = request.headers.text("access-control-request-method")
        if request.method == "OPTIONS" and requested is not None:
            return Response(200, Headers(_preflight(rule, request, origin, requested)))
        if request.method not in rule.methods:
            raise CrossOriginRefused(f"the method {request.method} is not allowed")
        return tuple(_common(rule, origin) + _exposed(rule))

    def rule_for(self, path: str, host: str) -> Rule | None:
        """Return the rule that counts for a path at the host that the client knows, if one does."""
        for rule in self.rules:
            if rule.uri.pattern.search(path) and (rule.host is None or rule.host.pattern.search(host)):
                return rule
        return None


def build_cors(xs_app: Sequence[CorsDocument], environment: Sequence[CorsDocument]) -> Cors:
    """Put the rules together; an entry of `xs-app.json` replaces the environment's with the same pattern."""
    patterns = {document.uri_pattern for document in xs_app}
    both = [*xs_app, *(document for document in environment if document.uri_pattern not in patterns)]
    return Cors(tuple(_rule(document) for document in both))


def add(raw: list[Header], headers: tuple[Header, ...]) -> None:
    """Append the headers to an answer; what the backend says itself wins."""
    there = {name for name, _ in raw}
    for name, value in headers:
        if name not in there or name == b"vary":
            raw.append((name, value))


def _rule(document: CorsDocument) -> Rule:
    host = None if document.host_pattern is None else compile_js(document.host_pattern)
    headers = frozenset(name.lower() for name in document.allowed_headers)
    return Rule(compile_js(document.uri_pattern), host, document, frozenset(document.allowed_methods), headers)


def _preflight(rule: Rule, request: Request, origin: str, method: str) -> list[Header]:
    if method not in rule.methods:
        raise CrossOriginRefused(f"the method {method!r} is not allowed")
    refused = request.headers.tokens(b"access-control-request-headers") - {name.encode() for name in rule.headers}
    if refused:
        raise CrossOriginRefused("a requested header is not allowed")
    headers = _common(rule, origin)
    headers.append((b"access-control-allow-methods", method.encode()))
    headers.append((b"access-control-allow-headers", ", ".join(rule.document.allowed_headers).encode("latin-1")))
    if rule.document.max_age >= 0:
        headers.append((b"access-control-max-age", str(rule.document.max_age).encode()))
    return headers


def _common(rule: Rule, origin: str) -> list[Header]:
    vary = (b"vary", b"Origin")
    if rule.document.allowed_credentials:
        allowed = (b"access-control-allow-origin", origin.encode("latin-1"))
        return [allowed, (b"access-control-allow-credentials", b"true"), vary]
    return [(b"access-control-allow-origin", b"*"), vary]


def _exposed(rule: Rule) -> list[Header]:
    names = rule.document.expose_headers
    return [(b"access-control-expose-headers", ", ".join(names).encode("latin-1"))] if names else []
