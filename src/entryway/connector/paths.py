"""Which paths are exposed: what a request's path means, and which resource it falls under."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from entryway.connector.configuration import Resource
from entryway.errors import BadRequest

# What servers disagree about: an encoded slash or backslash, an encoded or plain null, a plain backslash.
_AMBIGUOUS = re.compile(r"%2f|%5c|%00|\\|\x00", re.IGNORECASE)
_ENCODING = re.compile(r"%(?![0-9a-fA-F]{2})")
MOST_LAYERS = 4
_DOTS = frozenset({".", ".."})
# Longer forms of UTF-8 than a character needs: not valid, and yet a dot or a slash to old decoders (RFC 3629 §10).
_OVERLONG = re.compile("[\udcc0\udcc1][\udc80-\udcbf]|\udce0[\udc80-\udc9f]|\udcf0[\udc80-\udc8f]")


class AmbiguousPath(BadRequest):
    """Two servers could disagree on what the path means, so it cannot be checked."""

    code = "path_ambiguous"


@lru_cache(maxsize=4096)
def canonical(path: str) -> str:
    """Return the path that resources are compared with, or raise if it could mean two things.

    What is compared must be what the system behind us will see: so nothing is repaired here, only refused.
    """
    if not path.startswith("/"):
        raise AmbiguousPath("the path does not begin with /")
    if _AMBIGUOUS.search(path) or _ENCODING.search(path):
        raise AmbiguousPath("an encoded slash, a backslash or a broken encoding")
    if "//" in path:
        raise AmbiguousPath("an empty segment")
    forms = [_decoded(path)]
    # Decoding again is what some servers do, and proxies between them; there must be nothing left to find.
    while (again := _decoded(forms[-1])) != forms[-1]:
        if len(forms) == MOST_LAYERS:
            raise AmbiguousPath("encoded too often")
        forms.append(again)
    for form in forms:
        if _AMBIGUOUS.search(form) or "//" in form or any(ord(c) < 0x20 or ord(c) == 0x7F for c in form):
            raise AmbiguousPath("a character that means something else once it is decoded")
        if _OVERLONG.search(form):
            raise AmbiguousPath("an overlong form of a character")
        # Some servers cut off `;` and what follows it before they look at dot segments, and full-width dots and their
        # like become dots where a system behind normalizes or has a code page without them.
        folded = form if form.isascii() else unicodedata.normalize("NFKC", form).replace("\\", "/")
        if any(segment.partition(";")[0].strip() in _DOTS for segment in folded.split("/")):
            raise AmbiguousPath("a dot segment")
    return forms[0]


def find_resource(resources: tuple[Resource, ...], path: str) -> Resource | None:
    """Return the most special enabled resource that exposes a canonical path, or None."""
    exposed = [resource for resource in resources if resource.enabled and _covers(resource, path)]
    return max(exposed, key=lambda resource: (len(resource.id), resource.exact_match_only), default=None)


def _covers(resource: Resource, path: str) -> bool:
    if resource.exact_match_only:
        return path == resource.id
    if resource.segment_match:
        return path == resource.id or path.startswith(resource.id.rstrip("/") + "/")
    return path.startswith(resource.id)


def _decoded(path: str) -> str:
    return unquote_to_bytes(path.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
