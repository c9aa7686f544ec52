"""The commands of administrators, each a question to the authorization server's interfaces over HTTP."""

from entryway.cli.administration import (
    api_credentials,
    apps,
    branding,
    role_collections,
    roles,
    settings,
    tenants,
    trust,
    users,
)

GROUPS = {
    "users": users.app,
    "roles": roles.app,
    "role-collections": role_collections.app,
    "apps": apps.app,
    "trust": trust.app,
    "settings": settings.app,
    "keys": settings.keys,
    "branding": branding.app,
    "api-credentials": api_credentials.app,
    "tenants": tenants.app,
}

__all__ = ["GROUPS"]
