"""Roles: what a user's role collections give, and the collections, roles and mappings that administrators keep."""

from entryway.authserver.roles.entitlements import Entitlements
from entryway.authserver.roles.of_user import Roles

__all__ = ["Entitlements", "Roles"]
