"""The router's own cookies: reading them, writing them, and keeping them away from backends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from entryway.config.environment_cookies import PLATFORM_COOKIE, SESSION_COOKIE, PartitionedCookies
from entryway.http import Headers

EXPIRED = "Thu, 01 Jan 1970 00:00:00 GMT"
STATE_SECONDS = 180
NO_STORAGE = (b"none", b"inactive")
"""What a browser says in a frame of another site, where it keeps cookies only apart for each of those sites."""
# The authorization server may share the host name, and cookies know no ports.
FOREIGN_PREFIX = b"__Host-entryway-"
MOST_OF_A_COOKIE = 512
_IN_QUERY = "!$'()*+,-./:=?@_~%"
LOGIN_COOKIES = ("locationAfterLogin", "fragmentAfterLogin", "signature")


@dataclass(frozen=True, slots=True)
class CookieRules:
    """How the configuration wants cookies to be written."""

    session_name: str
    same_site: str | None
    partitioned: PartitionedCookies | None
    platform_name: str = PLATFORM_COOKIE

    @property
    def state_name(self) -> str:
        """The cookie that binds a login to its browser; it shares the session's name unless that was chosen."""
        return self.session_name if self.session_name == SESSION_COOKIE else f"{self.session_name}_STATE"

    def wants_partitioned(self, asked: Headers) -> bool:
        """Tell whether a request's browser needs `Partitioned`: it says so itself, or the configuration does."""
        if asked.get(b"sec-fetch-storage-access") in NO_STORAGE:
            return True
        rule, user_agent = self.partitioned, asked.text("user-agent") or ""
        return rule is not None and bool(rule.supported.search(user_agent)) and not rule.unsupported.search(user_agent)

    def platform_in(self, header: bytes | None) -> str:
        """Return what comes before other cookies so that the platform finds this instance again, if it set a cookie."""
        value = cookie_value(header, self.platform_name)
        # It becomes a part of a query, and the client says what it is.
        return (
            f"{self.platform_name}={quote(value, safe=_IN_QUERY)};" if value and len(value) <= MOST_OF_A_COOKIE else ""
        )

    def state(self, value: str, asked: Headers) -> str:
        """Return the cookie that binds a login to this browser."""
        line = f"{self.state_name}={value}; Max-Age={STATE_SECONDS}; Path=/; HttpOnly; Secure"
        if self.wants_partitioned(asked):
            line += "; Partitioned"
        return line + (f"; SameSite={self.same_site}" if self.same_site else "")

    def session(self, value: bytes, *, secure: bool, asked: Headers) -> str:
        """Return the session's cookie."""
        line = f"{self.session_name}={value.decode()}; Path=/; HttpOnly"
        if secure:
            line += "; Secure"
        if self.same_site:
            line += f"; SameSite={self.same_site}"
        return line + ("; Partitioned" if self.wants_partitioned(asked) else "")

    def session_gone(self, asked: Headers) -> str:
        """Return what ends the session's cookie in the browser."""
        line = f"{self.session_name}=; Max-Age=0; Path=/; Expires={EXPIRED}; HttpOnly;"
        attributes = self.script_attributes(asked)
        return line + (attributes if attributes.startswith("Secure") else f" Secure;{attributes}")

    def gone(self, name: str, asked: Headers) -> str:
        """Return what ends one of the login's cookies in the browser."""
        return f"{name}=; Max-Age=0; Path=/;{self.script_attributes(asked)}"

    def script_attributes(self, asked: Headers) -> str:
        """Return the attributes that the login page's script adds to its cookies."""
        partitioned = self.wants_partitioned(asked)
        # Browsers want Secure beside these two alone; without it, logins work over plain http in a company's network.
        attributes = ["Secure"] if self.same_site == "None" or partitioned else []
        attributes += [f"SameSite={self.same_site}"] if self.same_site else []
        attributes += ["Partitioned"] if partitioned else []
        return ";".join(attributes)


class SessionCookie:
    """Finds the session's cookie in a Cookie header, and takes the router's own cookies out of it."""

    def __init__(self, names: set[str]) -> None:
        alternatives = b"|".join(re.escape(name.encode()) for name in sorted(names))
        self._own = re.compile(
            rb"(?:^|;)[ \t]*(?:(?:" + alternatives + rb")=|" + re.escape(FOREIGN_PREFIX) + rb")[^;]*"
        )
        self._find = {
            name: re.compile(rb"(?:^|;)[ \t]*" + re.escape(name.encode()) + rb"=([^;]*)").search for name in names
        }

    def value(self, header: bytes | None, name: str) -> bytes | None:
        """Return the value of one of the router's cookies."""
        if header is None:
            return None
        found = self._find[name](header)
        return None if found is None else _as_sent(found[1])

    def value_in(self, headers: Headers, name: str) -> bytes | None:
        """Return the value of one of the router's cookies; headers that came before are not searched again."""
        known = headers.known
        if known is None:
            return self.value(headers.get(b"cookie"), name)
        found: tuple[SessionCookie, str, bytes | None] | None = known.derived.get("router cookie")
        if found is None or found[0] is not self or found[1] != name:
            found = known.derived["router cookie"] = (self, name, self.value(headers.get(b"cookie"), name))
        return found[2]

    def values(self, header: bytes | None, name: str) -> list[bytes]:
        """Return every value that was sent under the name: cookies for several paths or domains come together."""
        if header is None:
            return []
        pattern = re.compile(rb"(?:^|;)[ \t]*" + re.escape(name.encode()) + rb"=([^;]*)")
        return [_as_sent(found[1]) for found in pattern.finditer(header)]

    def strip(self, header: bytes) -> bytes:
        """Return the header without the router's own cookies."""
        return self._own.sub(b"", header).lstrip(b"; \t")


def _as_sent(value: bytes) -> bytes:
    """Return a cookie's value as it was set; some clients quote it, or decode it and send it like that."""
    value = value.rstrip(b" \t")
    if value.startswith((b'"', b"s:")):
        return quote(unquote_to_bytes(value.strip(b'"')), safe="!'()*-._~").encode()
    return value


def cookie_value(header: bytes | None, name: str) -> str | None:
    """Return the value of any cookie."""
    if header is None:
        return None
    found = re.search(rb"(?:^|;)[ \t]*" + re.escape(name.encode()) + rb"=([^;]*)", header)
    return None if found is None else found[1].strip(b' \t"').decode("latin-1")
