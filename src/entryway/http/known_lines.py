"""Header lines that are read without llhttp, for heads that differ from all others in a line or two.

The grammar is narrower than llhttp's: what it does not take, llhttp judges. What a line means depends on no other
line; which of them may stand together is for the reader of the head to say. Usual lines are remembered: of names that
stand for no secret, short, and few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from entryway.http.headers import LOWER_CASE, checked_name

if TYPE_CHECKING:
    from entryway.http.headers import RawHeader

_USUAL: Final = frozenset(
    b"accept accept-encoding accept-language accept-ranges cache-control connection content-encoding content-length "
    b"content-security-policy content-type date expires host pragma referrer-policy sec-ch-ua sec-ch-ua-mobile "
    b"sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site server strict-transport-security user-agent vary "
    b"via x-content-type-options x-frame-options x-powered-by x-requested-with x-xss-protection".split()
)
LONGEST: Final = 200
MOST: Final = 500
_lines: Final[dict[bytes, RawHeader]] = {}


def read_lines(block: bytes) -> list[RawHeader] | None:
    """Return the headers of a block without its last CRLF, or None if llhttp must judge it."""
    raw: list[RawHeader] = []
    for line in block.split(b"\r\n"):
        header = _lines.get(line)
        if header is None:
            header = _read(line)
            if header is None:
                return None
        raw.append(header)
    return raw


def _read(line: bytes) -> RawHeader | None:
    spelling, colon, value = line.partition(b": ")
    text = value.decode("latin-1")
    if not colon or not text or text != text.strip(" ") or not (text.isascii() and text.isprintable()):
        return None
    name = LOWER_CASE.get(spelling)
    if name is None:
        try:
            name = checked_name(spelling.lower())
        except ValueError:
            return None
    header = (name, value)
    if len(line) <= LONGEST and name in _USUAL:
        if len(_lines) >= MOST:
            _lines.clear()
        _lines[line] = header
    return header
