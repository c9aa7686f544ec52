"""Header fields as they travel: an ordered list of lower-case names and values, all bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from entryway.http.known_heads import KnownHead

    RawHeader = tuple[bytes, bytes]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_FORBIDDEN_IN_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

# RFC 9110 §7.6.1, with the names that only ever had a meaning between neighbours.
HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    },
)

# What Connection nearly always says, in the spellings that are in use; neither names another field.
_NAMES_NOTHING_MORE = frozenset({b"keep-alive", b"close", b"Keep-Alive", b"Close"})

_names_seen_valid: Final[set[bytes]] = set()

_COMMON = (
    b"accept accept-encoding accept-language accept-ranges access-control-allow-origin age allow authorization "
    b"cache-control connection content-disposition content-encoding content-language content-length content-location "
    b"content-range content-security-policy content-type cookie dataserviceversion date etag expect expires forwarded "
    b"from host if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive last-modified "
    b"link location origin pragma priority proxy-authorization range referer retry-after sec-ch-ua sec-ch-ua-mobile "
    b"sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user sec-websocket-accept "
    b"sec-websocket-extensions sec-websocket-key sec-websocket-protocol sec-websocket-version server set-cookie "
    b"strict-transport-security te trailer transfer-encoding upgrade upgrade-insecure-requests user-agent vary via "
    b"www-authenticate x-content-type-options x-csrf-token x-forwarded-for x-forwarded-host x-forwarded-path "
    b"x-forwarded-proto x-frame-options x-powered-by x-request-id x-requested-with"
).split()
LOWER_CASE: Final[dict[bytes, bytes]] = {
    spelling: name for name in _COMMON for spelling in (name, name.title(), name.upper())
}
"""Common names in their usual spellings: looking one up is cheaper than lowering it, and all copies are one object."""


class Headers:
    """The header fields of one message, in order; names are lower case.

    `Headers(pairs)` checks what it is given. `Headers.trusted(list)` takes a list that was checked already.
    """

    __slots__ = ("known", "raw")

    raw: list[RawHeader]

    def __init__(self, pairs: Iterable[RawHeader] | None = ()) -> None:
        self.known: KnownHead | None = None
        """What else follows from a request's headers, if they came before and nobody has changed them."""
        if pairs is not None:
            self.raw = [(checked_name(name.lower()), checked_value(value)) for name, value in pairs]

    @staticmethod
    def trusted(raw: list[RawHeader]) -> Headers:
        """Wrap a list whose names are lower case and whose bytes a parser or a constant vouches for."""
        headers = Headers(None)
        headers.raw = raw
        return headers

    def get(self, name: bytes) -> bytes | None:
        """Return the first value of `name`."""
        if self.known is not None:
            return self.known.first.get(name)
        for key, value in self.raw:
            if key == name:
                return value
        return None

    def all(self, name: bytes) -> list[bytes]:
        """Return every value of `name`, in order."""
        return [value for key, value in self.raw if key == name]

    def text(self, name: str) -> str | None:
        """Return the first value of `name` as text (latin-1, which keeps every byte)."""
        value = self.get(name.lower().encode("latin-1"))
        return None if value is None else value.decode("latin-1")

    def tokens(self, name: bytes) -> frozenset[bytes]:
        """Return the comma-separated elements of every `name` field, in lower case."""
        return frozenset(
            token for value in self.all(name) for part in value.split(b",") if (token := part.strip(b" \t").lower())
        )

    def without(self, names: Collection[bytes]) -> Headers:
        """Return a copy that lacks these names."""
        return Headers.trusted([header for header in self.raw if header[0] not in names])

    def copy(self) -> Headers:
        return Headers.trusted(self.raw.copy())

    def set(self, name: bytes, value: bytes) -> None:
        """Replace every field of this name by one."""
        name = checked_name(name)
        self.raw = [header for header in self.raw if header[0] != name]
        self.raw.append((name, checked_value(value)))
        self.known = None

    def add(self, name: bytes, value: bytes) -> None:
        """Append one more field."""
        self.raw.append((checked_name(name), checked_value(value)))
        self.known = None

    def __iter__(self) -> Iterator[RawHeader]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __contains__(self, name: object) -> bool:
        return any(key == name for key, _ in self.raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.raw == other.raw

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        # Values may be credentials: a log or a traceback shows the names alone.
        return f"Headers({', '.join(key.decode('latin-1') for key, _ in self.raw)})"


def end_to_end(headers: Headers, keep: Collection[bytes] = ()) -> Headers:
    """Return the headers that may cross a proxy; `keep` saves a name that this hop handles for its neighbour."""
    raw = headers.raw
    ends_here: Collection[bytes] = HOP_BY_HOP
    for name, value in raw:
        if name == b"connection" and value not in _NAMES_NOTHING_MORE:
            # RFC 9110 §7.6.1: Connection names further headers that end at this hop.
            ends_here = HOP_BY_HOP | headers.tokens(b"connection")
            break
    if keep:
        ends_here = frozenset(ends_here).difference(keep)
    return Headers.trusted([header for header in raw if header[0] not in ends_here])


def checked_name(name: bytes) -> bytes:
    """Return the name if it is a lower-case token."""
    if name in _names_seen_valid:
        return name
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"not a lower-case header name: {name!r}")
    if len(_names_seen_valid) < 1000:  # what a program sends is a short list; what an attacker sends is not
        _names_seen_valid.add(name)
    return name


def checked_value(value: bytes) -> bytes:
    """Return the value if no byte in it can end the line."""
    if _FORBIDDEN_IN_VALUE.search(value):
        raise ValueError("a control character in a header value")
    return value
