"""`/entryway/v1`: what the broker, the landscape and other programs that administer ask for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entryway.idp import tables
from entryway.idp.account.links import Purpose
from entryway.idp.admin.documents import (
    ApplicationDocument,
    UserDocument,
    UserTableDocument,
    application_answer,
    binding_answer,
    certificate_answer,
    provider_answer,
    secret_answer,
    user_answer,
)
from entryway.idp.applications.certificates import SECRET, BindingDocument
from entryway.idp.corporate.choice import LoginRules
from entryway.idp.corporate.settings import ProviderSettings
from entryway.idp.documents import SamlRules, ScriptOrigins, SelfService
from entryway.idp.errors import ApplicationUnknown, InvalidValue, UserUnknown
from entryway.idp.pages.wording import LANGUAGES
from entryway.idp.users.password_policy import PasswordPolicy
from entryway.storage.pages import Window
from entryway.web import edge

if TYPE_CHECKING:
    from pydantic import BaseModel
    from starlette.requests import Request

    from entryway.idp.account.letters import Letters
    from entryway.idp.admin.callers import Callers
    from entryway.idp.applications.certificates import ApplicationCertificates
    from entryway.idp.applications.store import Applications
    from entryway.idp.corporate.providers import Providers
    from entryway.idp.documents import Documents
    from entryway.idp.mail.postman import Postman
    from entryway.idp.saml.metadata_refresh import MetadataRefresh
    from entryway.idp.session_end import SessionEnd
    from entryway.idp.settings import IdpSettings
    from entryway.idp.signing_keys import SigningKeys
    from entryway.idp.users.groups import Groups
    from entryway.idp.users.password_changes import PasswordChanges
    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User
    from entryway.idp.users.user_import import UserImport

_DOCUMENTS: dict[str, type[BaseModel]] = {
    "password-policy": PasswordPolicy,
    "self-service": SelfService,
    "logins": LoginRules,
    "saml": SamlRules,
    "scripts": ScriptOrigins,
}
PAGE = 100


@dataclass(frozen=True, slots=True)
class AdminApi:
    """Users, applications, bindings, settings and keys; every call needs the right `admin`."""

    settings: IdpSettings
    callers: Callers
    users: Users
    groups: Groups
    password_changes: PasswordChanges
    applications: Applications
    certificates: ApplicationCertificates
    metadata: MetadataRefresh
    providers: Providers
    documents: Documents
    keys: SigningKeys
    session_end: SessionEnd
    user_import: UserImport
    letters: Letters
    postman: Postman

    def routes(self) -> list[Route]:
        """Return where the interface answers."""
        base = "/entryway/v1"
        application, user = f"{base}/applications/{{application_id}}", f"{base}/users/{{user_name:path}}"
        provider = f"{base}/providers/{{alias}}"
        binding = f"{application}/bindings/{{binding_id}}"
        return [
            Route(f"{base}/users", self.list_users, methods=["GET"]),
            Route(f"{base}/users/import", self.import_users, methods=["POST"]),
            Route(user, self.put_user, methods=["PUT"]),
            Route(user, self.delete_user, methods=["DELETE"]),
            Route(binding, self.put_binding, methods=["PUT"]),
            Route(binding, self.delete_binding, methods=["DELETE"]),
            Route(application, self.get_application, methods=["GET"]),
            Route(application, self.put_application, methods=["PUT"]),
            Route(application, self.delete_application, methods=["DELETE"]),
            Route(f"{base}/providers", self.list_providers, methods=["GET"]),
            Route(provider, self.get_provider, methods=["GET"]),
            Route(provider, self.put_provider, methods=["PUT"]),
            Route(provider, self.delete_provider, methods=["DELETE"]),
            Route(f"{base}/settings/{{name}}", self.get_settings, methods=["GET"]),
            Route(f"{base}/settings/{{name}}", self.put_settings, methods=["PUT"]),
            Route(f"{base}/keys/rotation", self.rotate_keys, methods=["POST"]),
        ]

    async def list_users(self, request: Request) -> Response:
        """Answer a page of the users, by name; `start` counts from 0."""
        await self.callers.require(request, "admin")
        start = _number(request.query_params.get("start", "0"))
        users, total = await self.users.page([], [tables.User.login_name.asc()], Window(start, PAGE))
        groups = await self.groups.of_users([user.id for user in users])
        return JSONResponse({"total": total, "users": [user_answer(user, groups[user.id]) for user in users]})

    async def import_users(self, request: Request) -> Response:
        """Create and change the users of a table (CSV), all or none; with `dry_run`, say what would happen."""
        await self.callers.require(request, "admin")
        document = await edge.read_json(request, UserTableDocument)
        plan = await self.user_import.plan(document.table.encode())
        if not document.dry_run:
            if plan.mistakes:
                raise InvalidValue("table", plan.summary)
            for user in await self.user_import.carry_out(plan):
                if document.invite and user.email:
                    self.postman.post(partial(self.letters.link, user, Purpose.INVITATION, LANGUAGES[0]))
        return JSONResponse(plan.answer(done=not document.dry_run))

    async def put_user(self, request: Request) -> Response:
        """Create a user or write all of one anew."""
        await self.callers.require(request, "admin")
        document = await edge.read_json(request, UserDocument)
        name = request.path_params["user_name"]
        user = await self._user(name)
        values = document.values(name)
        status = 200 if user else 201
        user = await self.users.change(user.id, values) if user else await self.users.create(values)
        await self.groups.set_groups(user.id, document.groups)
        password = document.password.get_secret_value() if document.password is not None else None
        if password is not None and not await self.password_changes.is_current(user, password):
            await self.password_changes.set(user, password, must_change=document.must_change_password)
        if not values.active:
            await self.session_end.end_all(user.id)
        groups = await self.groups.of_users([user.id])
        return JSONResponse(user_answer(user, groups[user.id]), status)

    async def delete_user(self, request: Request) -> Response:
        """Delete a user with every session and token."""
        await self.callers.require(request, "admin")
        user = await self._user(request.path_params["user_name"])
        if user is None:
            raise UserUnknown
        await self.session_end.end_all(user.id)
        await self.users.delete(user.id)
        return Response(status_code=204)

    async def get_application(self, request: Request) -> Response:
        """Answer an application."""
        await self.callers.require(request, "admin")
        return JSONResponse(application_answer(await self.applications.resolve(request.path_params["application_id"])))

    async def put_application(self, request: Request) -> Response:
        """Create an application or write all of one anew."""
        await self.callers.require(request, "admin")
        document = await edge.read_json(request, ApplicationDocument)
        application = await self.applications.put(
            request.path_params["application_id"],
            client_id=document.client_id,
            name=document.name,
            app_tid=document.app_tid,
            settings=await self.metadata.completed(request.path_params["application_id"], document.settings),
        )
        return JSONResponse(application_answer(application))

    async def delete_application(self, request: Request) -> Response:
        """Delete an application; deleting what is gone is no mistake."""
        await self.callers.require(request, "admin")
        try:
            await self.applications.delete(request.path_params["application_id"])
        except ApplicationUnknown:
            return Response(status_code=404)
        return Response(status_code=204)

    async def put_binding(self, request: Request) -> Response:
        """Answer the credentials of a binding; the same id answers the same secret or certificate."""
        await self.callers.require(request, "admin")
        wanted = await edge.read_json(request, BindingDocument)
        application = await self.applications.resolve(request.path_params["application_id"])
        binding_id = request.path_params["binding_id"][:255]
        if wanted.credential_type == SECRET:
            proof = secret_answer(await self.applications.secret(application.id, binding_id))
        else:
            made = await self.certificates.put(application, binding_id, wanted)
            proof = certificate_answer(wanted.credential_type, made)
        return JSONResponse(binding_answer(self.settings, application) | proof)

    async def delete_binding(self, request: Request) -> Response:
        """End a binding's secret or certificate."""
        await self.callers.require(request, "admin")
        application_id, binding_id = request.path_params["application_id"], request.path_params["binding_id"]
        await self.applications.end_secret(application_id, binding_id)
        await self.certificates.end(application_id, binding_id)
        return Response(status_code=204)

    async def list_providers(self, request: Request) -> Response:
        """Answer the identity providers of companies."""
        await self.callers.require(request, "admin")
        return JSONResponse({"providers": [provider_answer(one) for one in await self.providers.list()]})

    async def get_provider(self, request: Request) -> Response:
        """Answer one of them."""
        await self.callers.require(request, "admin")
        return JSONResponse(provider_answer(await self.providers.resolve(request.path_params["alias"])))

    async def put_provider(self, request: Request) -> Response:
        """Trust a provider, or write all of one anew; its client secret stays unless a new one is sent."""
        await self.callers.require(request, "admin")
        document = await edge.read_json(request, ProviderSettings)
        return JSONResponse(provider_answer(await self.providers.put(request.path_params["alias"], document)))

    async def delete_provider(self, request: Request) -> Response:
        """Trust a provider no more; the users that it brought go with it."""
        await self.callers.require(request, "admin")
        await self.providers.delete(request.path_params["alias"])
        return Response(status_code=204)

    async def get_settings(self, request: Request) -> Response:
        """Answer a document of settings."""
        await self.callers.require(request, "admin")
        return JSONResponse((await self.documents.load(_kind(request))).model_dump())

    async def put_settings(self, request: Request) -> Response:
        """Replace a document of settings."""
        await self.callers.require(request, "admin")
        document = await edge.read_json(request, _kind(request))
        await self.documents.save(document)
        return JSONResponse(document.model_dump())

    async def rotate_keys(self, request: Request) -> Response:
        """Publish a new signing key, which takes over in a quarter of an hour."""
        await self.callers.require(request, "admin")
        return JSONResponse({"kid": await self.keys.rotate()}, 201)

    async def _user(self, name: str) -> User | None:
        found = await self.users.find_by_login(name)
        # By the user name alone: a mail address names somebody else's row, and PUT would rename it.
        return found if found is not None and found.user_name.casefold() == name.strip().casefold() else None


def _kind(request: Request) -> type[BaseModel]:
    kind = _DOCUMENTS.get(request.path_params["name"])
    if kind is None:
        raise InvalidValue("name", f"must be one of {', '.join(_DOCUMENTS)}")
    return kind


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidValue("start", "must be a number")
    return int(text)
