"""The grants of the token endpoint: one file each, and the one table that lists them."""

from entryway.idp.oidc.grants.grant import ApplicationDecision, Grant, TokenRequest, UserDecision
from entryway.idp.oidc.grants.table import GrantTable, make_grants

__all__ = ["ApplicationDecision", "Grant", "GrantTable", "TokenRequest", "UserDecision", "make_grants"]
