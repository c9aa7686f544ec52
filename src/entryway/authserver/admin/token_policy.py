"""`/entryway/v1/token-policy`: how long a tenant's tokens last where its applications do not say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse
from starlette.routing import Route

from entryway.authserver import edge
from entryway.authserver.bearer import PLATFORM_SCOPE
from entryway.authserver.token_policies import TokenPolicy
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.bearer import Bearer
    from entryway.authserver.token_policies import TokenPolicies

log = get_logger(__name__)

PATH = "/entryway/v1/token-policy"


class TokenPolicyBody(BaseModel):
    """The same bounds as in a descriptor; what is left out has the default."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    access_token_validity: Annotated[int, Field(ge=60, le=86400)] | None = None
    refresh_token_validity: Annotated[int, Field(ge=60, le=31536000)] | None = None
    refresh_token_rotation: bool = False
    refresh_token_format: Literal["opaque", "jwt"] = "opaque"  # noqa: S105 - the name of a form


@dataclass(frozen=True, slots=True)
class TokenPolicyEndpoints:
    """Read and written as a whole."""

    bearer: Bearer
    policies: TokenPolicies

    def routes(self) -> Sequence[Route]:
        """Return the routes of the interface."""
        return [Route(PATH, self.get, methods=["GET"]), Route(PATH, self.put, methods=["PUT"])]

    async def get(self, request: Request) -> Response:
        """Answer the tenant's policy."""
        zone, _ = await self.bearer.require(request, PLATFORM_SCOPE)
        return JSONResponse(_told(await self.policies.get(zone.id)))

    async def put(self, request: Request) -> Response:
        """Change the tenant's policy."""
        zone, own = await self.bearer.require(request, PLATFORM_SCOPE)
        body = await edge.read_json(request, TokenPolicyBody)
        policy = TokenPolicy(
            body.access_token_validity,
            body.refresh_token_validity,
            body.refresh_token_rotation,
            body.refresh_token_format,
        )
        await self.policies.put(zone.id, policy, actor=own.client.id)
        log.info("token_policy_put", zid=zone.id)
        return JSONResponse(_told(policy))


def _told(policy: TokenPolicy) -> dict[str, int | bool | str | None]:
    return {
        "access_token_validity": policy.access_validity,
        "refresh_token_validity": policy.refresh_validity,
        "refresh_token_rotation": policy.rotates,
        "refresh_token_format": policy.refresh_format,
    }
