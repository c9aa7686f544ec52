"""The header that asks for name and password."""

from __future__ import annotations

import json


def challenge(realm: str) -> bytes:
    """Write the header's value, which asks for name and password."""
    # What JSON escapes in a text is what a quoted string must not hold; the rest is for nobody's eyes.
    return b"Basic realm=" + json.dumps(realm).encode("ascii")
