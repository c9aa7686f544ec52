"""What a believed token of an identity service says of the user, and the client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from entryway.security.claims import texts
from entryway.security.errors import TokenInvalid

ORIGIN = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?", re.ASCII)
NAME = re.compile(r"[!-~]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class IdentityContext:
    """A token of the identity service that was verified and is meant for us; it holds no scopes."""

    token: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)

    def check_scope(self, scope: str) -> bool:  # noqa: ARG002 - the same question as to any context
        """Return False: who may do what is not known to the identity service."""
        return False

    check_local_scope = check_scope

    def local_scopes(self) -> frozenset[str]:
        return frozenset()

    def groups(self) -> tuple[str, ...]:
        return texts(self.claims, "groups")

    def get_app_token(self) -> str:
        return self.token

    def get_issuer(self) -> str:
        return issuer_of(self.claims)

    def is_technical(self) -> bool:
        """Return whether a client speaks for itself: then there is no user."""
        return self.claims.get("sub") in {None, self.claims.get("azp")}

    def get_user_id(self) -> str | None:
        return self._of_user("user_uuid") or self._of_user("scim_id") or self._of_user("sub")

    def get_logon_name(self) -> str | None:
        return self._of_user("user_name") or self._of_user("sub")

    def get_given_name(self) -> str | None:
        return self._of_user("given_name")

    def get_family_name(self) -> str | None:
        return self._of_user("family_name")

    def get_email(self) -> str | None:
        return self._of_user("email") or self._of_user("mail")

    def get_clientid(self) -> str:
        azp = self.claims.get("azp")
        return azp if isinstance(azp, str) else ""

    def get_zone_id(self) -> str:
        return tenant_of(self.claims)

    def get_expiration_date(self) -> datetime:
        return datetime.fromtimestamp(float(self.claims["exp"]), UTC)

    def get_audience(self) -> list[str]:
        return list(texts(self.claims, "aud"))

    def get_attribute(self, name: str) -> list[str] | None:
        """Return a claim that the identity service was told to put in, as a list."""
        return list(texts(self.claims, name)) if name in self.claims and not self.is_technical() else None

    def _of_user(self, name: str) -> str | None:
        value = self.claims.get(name)
        return value if isinstance(value, str) and value and not self.is_technical() else None


def issuer_of(claims: Mapping[str, Any]) -> str:
    """Return where a token says to come from, as an origin; raise if that is none."""
    value = claims.get("ias_iss") or claims.get("iss")
    if not isinstance(value, str):
        raise TokenInvalid("issuer")
    issuer = value if value.startswith("https://") else f"https://{value}"
    if not ORIGIN.fullmatch(issuer):
        raise TokenInvalid("issuer", repr(value[:200]))
    return issuer


def tenant_of(claims: Mapping[str, Any]) -> str:
    """Return the tenant's id, or an empty text where the token names none."""
    value = claims.get("app_tid") or claims.get("zone_uuid") or ""
    if not isinstance(value, str) or (value and not NAME.fullmatch(value)):
        raise TokenInvalid("other_tenant")
    return value
