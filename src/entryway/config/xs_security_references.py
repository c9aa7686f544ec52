"""How descriptors name what belongs to applications: `$XSAPPNAME.Read`, `$XSAPPNAME(application,other).Read`."""

from __future__ import annotations

import re
from dataclasses import dataclass

ACCEPT_GRANTED_SCOPES = "$ACCEPT_GRANTED_SCOPES"
ACCEPT_GRANTED_AUTHORITIES = "$ACCEPT_GRANTED_AUTHORITIES"
# Scopes of the platform itself; a descriptor may name them and never define others without `$XSAPPNAME`.
PLATFORM_SCOPES = frozenset({"uaa.user", "openid", "user_attributes", "roles", "profile", "email"})
# The plan decides the letter in an application's suffix: `app!t1`, `service!b1`.
SUFFIX_LETTERS = {"application": "t", "broker": "b", "clone": "b", "apiaccess": "a"}

_APPLICATION = re.compile(
    r"\$XSAPPNAME(?:\(\s*(?P<plan>[^,()]+?)\s*,(?:\s*(?P<qualifier>[^,()]+?)\s*,)?\s*(?P<name>[^,()]+?)\s*\))?"
)
_SERVICE = re.compile(r"\$XSSERVICENAME\(\s*(?P<name>[^()]+?)\s*\)")


@dataclass(frozen=True, slots=True)
class Reference:
    """An application, and the name of something of it (`""` when the application itself is meant)."""

    application: str
    plan: str | None
    name: str | None
    elsewhere: bool
    local: str
    qualifier: str | None = None

    @property
    def own(self) -> bool:
        """Whether the application of this very descriptor is meant."""
        return self.name is None and not self.elsewhere

    @property
    def canonical(self) -> str:
        """The application's name as it is written, without the blanks that may stand in it."""
        if self.plan is None:
            return f"$XSSERVICENAME({self.name})"
        return f"$XSAPPNAME({self.plan},{self.qualifier},{self.name})"


def parse(text: str) -> Reference | None:
    """Return what `text` refers to, None when it has not the form of a reference."""
    match = _APPLICATION.match(text)
    if match is not None:
        local = _local(text[match.end() :])
        if local is None:
            return None
        qualifier = match["qualifier"]
        return Reference(match[0], match["plan"], match["name"], qualifier is not None, local, qualifier)
    match = _SERVICE.match(text)
    if match is None:
        return None
    local = _local(text[match.end() :])
    return None if local is None else Reference(match[0], None, match["name"], elsewhere=True, local=local)


def resolve(text: str, xsappname: str, number: int) -> str:
    """Return the full name that a reference stands for, as seen by the application `xsappname` (with suffix).

    References are resolved late: the application that is named need not exist. One in another tenant, or behind a
    service instance, keeps its written name in one spelling; `aliases` says which application has it.
    """
    reference = parse(text)
    if reference is None:
        return text
    tail = f".{reference.local}" if reference.local else ""
    if reference.elsewhere:
        return reference.canonical + tail
    if reference.name is None:
        return xsappname + tail
    letter = SUFFIX_LETTERS.get(reference.plan or "")
    return text if letter is None else f"{reference.name}!{letter}{number}{tail}"


def aliases(xsappname: str, plan: str, subdomain: str, instance_name: str | None) -> tuple[str, str | None]:
    """Return what an application is called from other tenants, and from its own by the service instance."""
    name = xsappname.rpartition("!")[0] or xsappname
    service = f"$XSSERVICENAME({instance_name})" if instance_name else None
    return f"$XSAPPNAME({plan},{subdomain},{name})", service


def _local(rest: str) -> str | None:
    if not rest:
        return ""
    return rest[1:] if rest.startswith(".") and len(rest) > 1 else None
