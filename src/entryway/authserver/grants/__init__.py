"""The grants of the token endpoint: one file each, and the one table that lists them."""

from entryway.authserver.grants.grant import ClientDecision, Grant, TokenRequest, UserDecision
from entryway.authserver.grants.table import DEFAULT_GRANT_TYPES, GrantTable, make_grants

__all__ = [
    "DEFAULT_GRANT_TYPES",
    "ClientDecision",
    "Grant",
    "GrantTable",
    "TokenRequest",
    "UserDecision",
    "make_grants",
]
