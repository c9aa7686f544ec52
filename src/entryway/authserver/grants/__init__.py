"""The grants of the token endpoint: one file each, and the one table that lists them."""

from entryway.authserver.grants.grant import ClientDecision, Decision, Grant, HandOver, TokenRequest, UserDecision
from entryway.authserver.grants.table import DEFAULT_GRANT_TYPES, SAME_PERMISSION, GrantTable, make_grants

__all__ = [
    "DEFAULT_GRANT_TYPES",
    "SAME_PERMISSION",
    "ClientDecision",
    "Decision",
    "Grant",
    "GrantTable",
    "HandOver",
    "TokenRequest",
    "UserDecision",
    "make_grants",
]
