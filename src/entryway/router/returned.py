"""What of a backend's response reaches the client, and what the router adds to every response."""

from __future__ import annotations

from dataclasses import dataclass

from entryway.http import HOP_BY_HOP, Headers, Response
from entryway.router.backend_cookies import BackendCookie, CookieJar, SetCookie, parse_set_cookie
from entryway.router.backends import Backend
from entryway.router.content_policy import POLICY
from entryway.router.sessions import Session

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Additions:
    """Headers for every response; what a backend says under their names wins."""

    headers: tuple[Header, ...]
    names: frozenset[bytes]
    """Of the headers, and of the one that names the request."""
    policy: bytes | None = None
    """A content security policy that holds beside that of a backend, rather than being replaced by it."""

    def add(self, raw: list[Header], request_id: bytes) -> None:
        """Append what is not there yet."""
        names = self.names
        for name, _ in raw:
            if name in names:
                self._add_missing(raw, request_id)
                return
        raw += self.headers
        raw.append((b"x-request-id", request_id))

    def _add_missing(self, raw: list[Header], request_id: bytes) -> None:
        there = {name for name, _ in raw}
        raw += [header for header in self.headers if header[0] not in there]
        if b"x-request-id" not in there:
            raw.append((b"x-request-id", request_id))

    def add_policy(self, raw: list[Header]) -> None:
        """Put our policy before a backend's: browsers hold to every one that they are given."""
        if self.policy is not None and any(name == POLICY for name, _ in raw):
            raw.insert(0, (POLICY, self.policy))


def additions(
    environment: tuple[tuple[str, str], ...],
    xs_app: tuple[tuple[str, str], ...],
    *,
    frame_options: bool,
    merge_policies: bool = False,
) -> Additions:
    """Put the configured headers together: those of `xs-app.json` win over the environment's, both over the default."""
    merged: dict[bytes, bytes] = {b"x-frame-options": b"SAMEORIGIN"} if frame_options else {}
    for name, value in (*environment, *xs_app):
        merged[name.lower().encode()] = value.encode("latin-1")
    return Additions(
        tuple(merged.items()), frozenset({*merged, b"x-request-id"}), merged.get(POLICY) if merge_policies else None
    )


def end_to_end(response: Response) -> tuple[list[Header], list[bytes]]:
    """Return the headers that may cross the router, and the Set-Cookie lines apart from them."""
    known = response.known
    if known is None or response.headers.raw != known.headers:
        return _sorted(response.headers)
    found: tuple[list[Header], list[bytes]] | None = known.derived.get("end_to_end")
    if found is None:
        found = known.derived["end_to_end"] = _sorted(response.headers)
    return found[0].copy(), found[1]


def _sorted(headers: Headers) -> tuple[list[Header], list[bytes]]:
    cookies: list[bytes] = []
    raw: list[Header] = []
    dropped = HOP_BY_HOP
    for header in headers.raw:
        name = header[0]
        if name == b"set-cookie":
            cookies.append(header[1])
        elif name in dropped:
            if name == b"connection" and header[1].lower() not in (b"close", b"keep-alive"):
                dropped = dropped | headers.tokens(b"connection")
        else:
            raw.append(header)
    if dropped is not HOP_BY_HOP:
        raw = [header for header in raw if header[0] not in dropped]
    return raw, cookies


@dataclass(frozen=True, slots=True)
class CookieSorter:
    """Decides for each cookie of a backend whether it is the browser's or stays in the session."""

    own_names: frozenset[bytes]

    def for_browser(
        self, cookies: list[SetCookie | None], lines: list[bytes], *, pass_session_cookies: bool
    ) -> list[bytes]:
        """Return the lines that the browser gets: cookies that outlive the session, and with the option all."""
        passed = []
        for cookie, line in zip(cookies, lines, strict=True):
            # A backend that sets a cookie of the router's name would end the user's session.
            if cookie is None or cookie.name in self.own_names:
                continue
            if cookie.persistent:
                passed.append(line)
            elif pass_session_cookies:
                passed.append(b"; ".join(part.strip(b" \t") for part in line.split(b";")))
        return passed

    def for_session(self, cookies: list[SetCookie | None], *, pass_session_cookies: bool) -> list[SetCookie]:
        """Return the cookies to keep for the backend."""
        kept = [cookie for cookie in cookies if cookie is not None and not cookie.persistent]
        return [] if pass_session_cookies else kept


def remember(
    session: Session, backend: Backend, target: str, cookies: list[SetCookie | None], kept: list[SetCookie]
) -> None:
    """Put a backend's session cookies into the user's session."""
    jar = session.jars.get(backend.name)
    if jar is None:
        if not kept:
            return
        jar = CookieJar()
        session.jars = {**session.jars, backend.name: jar}
    for cookie in cookies:
        if cookie is not None and cookie.persistent:
            jar.forget(cookie.name)
    # RFC 6265 §5.4: a Secure cookie is not sent in the clear, so there is nothing to keep it for.
    safe = backend.origin.scheme == "https"
    for cookie in kept:
        if cookie.secure and not safe:
            continue
        jar.keep(cookie, backend.origin.host.encode(), target.encode("latin-1"))


__all__ = ["Additions", "BackendCookie", "CookieSorter", "additions", "end_to_end", "parse_set_cookie", "remember"]
