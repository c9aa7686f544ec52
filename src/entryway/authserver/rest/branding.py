"""What a tenant's pages show of it: `/sap/rest/authorization/v2/branding`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from entryway.authserver.rest.apps import READ, WRITE
from entryway.authserver.rest.bodies import Body
from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.tenant_branding import TenantBrandings
from entryway.errors import BadRequest
from entryway.web.pages import Branding, Logo
from entryway.web.pages.branding import Colour, Label, Link, Sentences, Words, is_picture

LARGEST_LOGO = 128 * 1024


class LogoDraft(Body):
    """A picture in base64. No SVG: it can hold scripts, and tenants share a host."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    mediaType: Literal["image/png", "image/jpeg", "image/webp"]  # noqa: N815 - the names on the wire
    content: Annotated[str, Field(max_length=LARGEST_LOGO * 4 // 3 + 4)]

    def logo(self) -> Logo:
        """Return the picture, or raise BadRequest."""
        try:
            content = base64.b64decode(self.content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadRequest("/logo/content: not base64") from error
        if not is_picture(content, self.mediaType):
            raise BadRequest(f"/logo/content: not {self.mediaType}")
        return Logo(media_type=self.mediaType, content=content)


class BrandingDraft(Body):
    """A tenant's branding as it should be; what is left away is as in the landscape."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Label | None = None
    accent: Colour | None = None
    accentDark: Colour | None = None  # noqa: N815
    links: Annotated[tuple[Link, ...], Field(max_length=6)] | None = None
    heading: Words | None = None
    note: Sentences | None = None
    logo: LogoDraft | None = None

    def branding(self) -> Branding:
        """Return the branding, or raise BadRequest for what cannot be shown."""
        given = {
            "name": self.name,
            "accent": self.accent,
            "accent_dark": self.accentDark,
            "links": self.links,
            "heading": self.heading,
            "note": self.note,
            "logo": self.logo.logo() if self.logo is not None else None,
        }
        made = Branding.model_validate({name: value for name, value in given.items() if value is not None})
        if wrong := made.unreadable():
            raise BadRequest("; ".join(wrong))
        return made


@dataclass(frozen=True, slots=True)
class BrandingOperations:
    """Read and replaced as a whole."""

    brandings: TenantBrandings

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked."""
        path = "/branding"
        return [
            Operation("GET", path, READ, "What the tenant's pages show of it", self.get),
            Operation("PUT", path, WRITE, "Replace it", self.put, body=BrandingDraft),
            Operation("DELETE", path, WRITE, "Show what the landscape shows", self.delete, status=204),
        ]

    async def get(self, asked: Asked) -> Any:
        branding = await self.brandings.get(asked.zid)
        if branding is None:
            return {}
        told = branding.model_dump(mode="json", exclude={"logo"}, exclude_unset=True)
        if "accent_dark" in told:
            told["accentDark"] = told.pop("accent_dark")
        if branding.logo is not None:
            content = base64.b64encode(branding.logo.content).decode()
            told["logo"] = {"mediaType": branding.logo.media_type, "content": content}
        return told

    async def put(self, asked: Asked) -> Any:
        await self.brandings.put(asked.zid, asked.body.branding(), actor=asked.caller.actor)
        return await self.get(asked)

    async def delete(self, asked: Asked) -> None:
        await self.brandings.delete(asked.zid, actor=asked.caller.actor)
