"""What programs that administer send and are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from entryway.idp.applications.certificates import SECRET
from entryway.idp.applications.settings import ApplicationSettings
from entryway.idp.users.user import UserValues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.certificates import BoundCertificate
    from entryway.idp.corporate.providers import Provider
    from entryway.idp.settings import IdpSettings
    from entryway.idp.users.groups import Group
    from entryway.idp.users.user import User

Text = Annotated[str, Field(max_length=255)]


class UserDocument(BaseModel):
    """A user as a whole: what is left out is empty; without a password, the one there is stays."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    password: Annotated[SecretStr, Field(max_length=1024)] | None = None
    must_change_password: bool = False
    email: Text = ""
    email_verified: bool = False
    given_name: Text = ""
    family_name: Text = ""
    display_name: Text = ""
    attributes: dict[str, list[str]] = {}
    groups: Annotated[list[Text], Field(max_length=1000)] = []
    active: bool = True

    def values(self, user_name: str) -> UserValues:
        """Return what is written about the user."""
        return UserValues(
            user_name=user_name,
            email=self.email,
            email_verified=self.email_verified,
            given_name=self.given_name,
            family_name=self.family_name,
            display_name=self.display_name,
            attributes=self.attributes,
            active=self.active,
        )


class UserTableDocument(BaseModel):
    """A table of users (CSV) to import; `dry_run` only says what would happen, `invite` mails links to new users."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    table: Annotated[str, Field(max_length=1_000_000)]
    dry_run: bool = False
    invite: bool = False


class ApplicationDocument(BaseModel):
    """An application; its client id is chosen when it is created, by us if nothing is said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._!|-]*$", max_length=255)] | None = None
    name: Text = ""
    app_tid: Text = ""
    settings: ApplicationSettings = Field(default_factory=lambda: ApplicationSettings.model_validate({}))


def user_answer(user: User, groups: Sequence[Group]) -> dict[str, Any]:
    """Return a user as programs read one."""
    values = user.values
    return {
        "id": user.id,
        "user_name": values.user_name,
        "email": values.email,
        "email_verified": values.email_verified,
        "given_name": values.given_name,
        "family_name": values.family_name,
        "display_name": values.display_name,
        "attributes": dict(values.attributes),
        "groups": [group.name for group in groups],
        "active": values.active,
        "locked": user.locked,
    }


def application_answer(application: Application) -> dict[str, Any]:
    """Return an application as programs read one."""
    return {
        "id": application.id,
        "client_id": application.client_id,
        "name": application.name,
        "app_tid": application.app_tid,
        "entity_id": application.entity_id,
        "settings": application.settings.model_dump(),
    }


def provider_answer(provider: Provider) -> dict[str, Any]:
    """Return a company's identity provider as programs read one; its client secret is told to nobody."""
    return {"alias": provider.alias, **provider.settings.model_dump()}


def secret_answer(secret: str) -> dict[str, Any]:
    """Return what a binding with a secret holds beside what all have."""
    return {"clientsecret": secret, "credential-type": SECRET}


def certificate_answer(kind: str, bound: BoundCertificate) -> dict[str, Any]:
    """Return what a binding with a certificate holds beside what all have."""
    told = {"certificate": bound.certificate, "credential-type": kind}
    expires_at = bound.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return told | {"certificate_expires_at": expires_at} | ({"key": bound.key} if bound.key else {})


def binding_answer(settings: IdpSettings, application: Application) -> dict[str, Any]:
    """Return the credentials of an `identity` binding, without what proves the application."""
    url = settings.public_url
    return {
        "clientid": application.client_id,
        "url": url,
        "domain": settings.domain,
        "domains": [settings.domain],
        "app_tid": application.app_tid,
        "authorization_endpoint": f"{url}/oauth2/authorize",
        "token_endpoint": f"{url}/oauth2/token",
        "end_session_endpoint": f"{url}/oauth2/logout",
    }
