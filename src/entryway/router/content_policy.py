"""Two parties' content security policies in one: the application's directives stay, the router's fill what is open."""

from __future__ import annotations

POLICY = b"content-security-policy"

Header = tuple[bytes, bytes]


def merge_policies(raw: list[Header], ours: bytes) -> list[Header]:
    """Return the headers with our directives in the first policy, except those that any policy there has already."""
    there = {name for header, value in raw if header == POLICY for name in _names(value)}
    added = [directive for directive in _directives(ours) if _name(directive) not in there]
    if not added:
        return raw
    merged = []
    for name, value in raw:
        if name == POLICY and added:
            # A comma begins another policy; what is added belongs to the first.
            first, comma, rest = value.partition(b",")
            merged.append((name, b"; ".join([*_directives(first), *added]) + comma + rest))
            added = []
        else:
            merged.append((name, value))
    return merged


def _names(policy: bytes) -> set[bytes]:
    return {_name(directive) for part in policy.split(b",") for directive in _directives(part)}


def _directives(policy: bytes) -> list[bytes]:
    return [directive.strip() for directive in policy.split(b";") if directive.strip()]


def _name(directive: bytes) -> bytes:
    return directive.split(None, 1)[0].lower()
