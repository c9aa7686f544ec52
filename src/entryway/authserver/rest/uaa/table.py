"""UAA's interfaces, one row for each resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.authserver.rest.operations import Interface
from entryway.authserver.rest.uaa import clients, group_mappings, user_ids, zones

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entryway.authserver.admin.tenants import Tenants
    from entryway.authserver.clients import Clients
    from entryway.authserver.rest.callers import Callers
    from entryway.authserver.roles.mappings import RoleMappings
    from entryway.authserver.trust.providers import IdentityProviders
    from entryway.storage import Database


def uaa_interfaces(
    callers: Callers,
    *,
    database: Database,
    registry: Clients,
    tenants: Tenants,
    mappings: RoleMappings,
    providers: IdentityProviders,
) -> Sequence[Interface]:
    """Return the interfaces with their operations."""
    table = {
        clients.PREFIX: clients.ClientOperations(database, registry).operations(),
        group_mappings.PREFIX: group_mappings.GroupMappingOperations(mappings, providers).operations(),
        user_ids.PREFIX: user_ids.UserIdOperations(database, providers).operations(),
        zones.PREFIX: zones.ZoneOperations(tenants).operations(),
    }
    return [Interface(prefix, operations, callers) for prefix, operations in table.items()]
