"""Which system a request is for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from entryway.connector.configuration import Mapping, Resource
from entryway.connector.paths import AmbiguousPath, canonical, find_resource
from entryway.tunnel.failures import ResourceNotExposed, SystemNotExposed, UpgradeNotAllowed


@dataclass(frozen=True, slots=True)
class Mappings:
    """Every mapping, by virtual host and port; what is not in here does not exist for a caller."""

    by_system: dict[tuple[str, int], Mapping]

    @classmethod
    def of(cls, mappings: Iterable[Mapping]) -> Self:
        return cls({(mapping.virtual_host, mapping.virtual_port): mapping for mapping in mappings})

    def resolve(self, host: str, port: int) -> Mapping:
        """Return the mapping of a virtual host and port, or raise SystemNotExposed."""
        mapping = self.by_system.get((host.rstrip(".").lower(), port))
        if mapping is None:
            raise SystemNotExposed(f"{host}:{port}")
        return mapping


def check_access(mapping: Mapping, path: str, *, upgrades: bool) -> Resource:
    """Return the resource under which the path is exposed, or raise."""
    try:
        meant = canonical(path)
    except AmbiguousPath as error:
        raise ResourceNotExposed(path, mapping.system, error.detail) from error
    resource = find_resource(mapping.resources, meant)
    if resource is None:
        raise ResourceNotExposed(path, mapping.system)
    if upgrades and not resource.websocket_upgrade_allowed:
        raise UpgradeNotAllowed
    return resource
