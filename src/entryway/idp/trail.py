"""What the audit trail says of logins, accounts and administration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.storage.audit import UNKNOWN_USER, changed, happened

if TYPE_CHECKING:
    from entryway.storage.audit import Audit

# One directory is one identity provider: there are no tenants to tell apart.
_ZID = "idp"


@dataclass(frozen=True, slots=True)
class Trail:
    """Notes what happened; it is written within a second."""

    audit: Audit

    def account(self, event: str, user_id: str, **details: str) -> None:
        """Note what a user did, or tried, with an account."""
        self.audit.note(happened(event, _ZID, "user", user_id, actor=user_id or UNKNOWN_USER, new=details))

    def administration(self, actor: str, method: str, path: str) -> None:
        """Note that an administrator changed something, or tried."""
        event = {"POST": "CREATE", "DELETE": "DELETE"}.get(method, "UPDATE")
        self.audit.note(changed(event, _ZID, "administration", path, actor=actor, new={"method": method}))
