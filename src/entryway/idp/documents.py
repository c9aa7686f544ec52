"""Settings of the whole identity provider: one document for each name, its defaults where nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import select

from entryway.idp import tables
from entryway.idp.corporate.choice import LoginRules
from entryway.idp.users.password_policy import PasswordPolicy
from entryway.web.cross_origin import ORIGIN

if TYPE_CHECKING:
    from entryway.storage import Database
    from entryway.storage.moments import Clock

_Document = TypeVar("_Document", bound=BaseModel)


def _origin(text: str) -> str:
    if ORIGIN.fullmatch(text) is None:
        raise ValueError("is no origin like https://app.example.com or https://*.example.com")
    return text


class SelfService(BaseModel):
    """What people may do before they have an account, or without their password."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    registration: bool = False
    password_reset: bool = True
    registration_domains: Annotated[list[str], Field(default_factory=list, max_length=100)]
    """Mail domains whose people may register; empty for everybody."""


class SamlRules(BaseModel):
    """What is expected of all service providers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests_signed: bool = False
    """Whether our metadata says `WantAuthnRequestsSigned`, and requests that are not signed are refused."""


class ScriptOrigins(BaseModel):
    """Whose scripts may redeem codes and read what applications are answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cors_origins: Annotated[list[Annotated[str, AfterValidator(_origin)]], Field(default_factory=list, max_length=100)]
    """As `https://app.example.com` or `https://*.example.com`; `localhost` is always known."""


_NAMES: dict[type[BaseModel], str] = {
    PasswordPolicy: "password-policy",
    SelfService: "self-service",
    LoginRules: "logins",
    SamlRules: "saml",
    ScriptOrigins: "scripts",
}


class Documents:
    """The stored settings."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def load(self, kind: type[_Document]) -> _Document:
        """Return the document of a kind."""
        query = select(tables.Setting.content).where(tables.Setting.name == _NAMES[kind])
        async with self._database.read() as session:
            content = (await session.execute(query)).scalar_one_or_none()
        return kind.model_validate(content or {})

    async def save(self, document: BaseModel) -> None:
        """Store a document in place of the one there is."""
        row = tables.Setting(name=_NAMES[type(document)], content=document.model_dump(), changed_at=self._clock())
        async with self._database.transaction() as session:
            await session.merge(row)
