"""Which scripts may read what applications are answered: those of the origins that the administrator knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.documents import Documents, ScriptOrigins
from entryway.idp.oidc.discovery import DOCUMENT_PATHS
from entryway.web.cross_origin import EVERYBODY, is_allowed

if TYPE_CHECKING:
    from starlette.requests import Request

# What everybody may know, scripts of anybody too.
PUBLIC = frozenset({*DOCUMENT_PATHS, "/oauth2/certs"})
# Where public applications come with a code, a refresh token or a bearer token.
OF_APPLICATIONS = frozenset({"/oauth2/token", "/oauth2/userinfo", "/oauth2/revoke"})


@dataclass(frozen=True, slots=True)
class ScriptReaders:
    """Decides by the path."""

    documents: Documents

    async def __call__(self, request: Request) -> str | None:
        """Return whom the answer may be shown to."""
        path, origin = request.scope["path"], request.headers["origin"]
        if path in PUBLIC:
            return EVERYBODY
        if path not in OF_APPLICATIONS:
            return None
        return origin if is_allowed(origin, (await self.documents.load(ScriptOrigins)).cors_origins) else None
