"""What people do without being logged in: ask for a new password, take an invitation, verify an address, register."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from starlette.routing import Route

from entryway.errors import NotFound
from entryway.idp.account.links import Purpose
from entryway.idp.documents import SelfService
from entryway.idp.errors import InvalidValue, LinkUsed, NameTaken, PasswordRefused
from entryway.idp.login.endpoints import refusal_text
from entryway.idp.login.steps import describe_rules
from entryway.idp.users.password_policy import PasswordPolicy
from entryway.idp.users.user import UserValues
from entryway.telemetry import get_logger
from entryway.web.pages.texts import language_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.account.letters import Letters
    from entryway.idp.account.links import Links
    from entryway.idp.account.mail_requests import MailRequests
    from entryway.idp.documents import Documents
    from entryway.idp.mail.outbox import Mail
    from entryway.idp.mail.postman import Postman
    from entryway.idp.pages.forms import Forms
    from entryway.idp.session_end import SessionEnd
    from entryway.idp.users.password_changes import PasswordChanges
    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User

log = get_logger(__name__)

FORGOTTEN = "/password/forgotten"
CHOSEN_BY_LINK = "/password/new"
EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SelfServiceEndpoints:
    """Every answer is the same whether or not there is such a user."""

    users: Users
    links: Links
    letters: Letters
    postman: Postman
    mail_requests: MailRequests
    password_changes: PasswordChanges
    session_end: SessionEnd
    documents: Documents
    forms: Forms

    def routes(self) -> list[Route]:
        """Return where the endpoints answer."""
        return [
            Route(FORGOTTEN, self.forgotten, methods=["GET"]),
            Route(FORGOTTEN, self.ask_for_reset, methods=["POST"]),
            Route(CHOSEN_BY_LINK, self.new_password, methods=["GET"]),
            Route(CHOSEN_BY_LINK, self.set_password, methods=["POST"]),
            Route("/email/verification", self.verification, methods=["GET"]),
            Route("/email/verification", self.verify, methods=["POST"]),
            Route("/register", self.registration, methods=["GET"]),
            Route("/register", self.register, methods=["POST"]),
        ]

    async def forgotten(self, request: Request) -> Response:
        """Ask who forgot a password."""
        await self._allowed("password_reset")
        return self.forms.show(request, "forgotten.html")

    async def ask_for_reset(self, request: Request) -> Response:
        """Send a link to who is known."""
        await self._allowed("password_reset")
        form = await self.forms.read(request)
        self.mail_requests.count(request, "reset")
        self.postman.post(partial(self._reset_mail, form.get("username", ""), language_of(request)))
        return self._told(request, "forgotten.title", "forgotten.sent", link="/login", link_text="login.back")

    async def new_password(self, request: Request) -> Response:
        """Ask for the password that the link is for."""
        purpose, token = _link(dict(request.query_params))
        user = await self.links.find(token, purpose)
        return await self._ask_password(request, user, purpose, token)

    async def set_password(self, request: Request) -> Response:
        """Take the new password; the link has proved that the mail address is the user's."""
        form = await self.forms.read(request)
        purpose, token = _link({"purpose": form.get("purpose", ""), "token": form.get("token", "")})
        user = await self.links.find(token, purpose)
        if form.get("password") != form.get("repeated"):
            message = self.forms.pages.say(request, "change.differs")
            return await self._ask_password(request, user, purpose, token, message)
        try:
            await self.password_changes.check(user, form.get("password", ""))
        except PasswordRefused as error:
            message = await refusal_text(self.forms.pages, request, self.documents, error)
            return await self._ask_password(request, user, purpose, token, message)
        user = await self.links.take(token, purpose)
        await self.password_changes.change(user, form.get("password", ""))
        await self.session_end.end_all(user.id)
        await self._verified(user)
        log.info("password_set_by_link", user_id=user.id, purpose=str(purpose))
        return self._told(request, "change.title", "change.done", link="/login", link_text="login.title")

    async def verification(self, request: Request) -> Response:
        """Ask whether the address is to be confirmed: programs that look into mails open links, too."""
        token = request.query_params.get("token", "")
        user = await self.links.find(token, Purpose.VERIFICATION)
        return self.forms.show(request, "verify.html", email=user.email, token=token)

    async def verify(self, request: Request) -> Response:
        """Note that the address is the user's."""
        form = await self.forms.read(request)
        user = await self.links.take(form.get("token", ""), Purpose.VERIFICATION)
        await self._verified(user)
        return self._told(request, "verify.title", "verify.done", link="/login", link_text="login.title")

    async def registration(self, request: Request) -> Response:
        """Ask who wants an account."""
        await self._allowed("registration")
        return self._registration(request)

    async def register(self, request: Request) -> Response:
        """Create a user without a password, and send the link by which to choose one."""
        may = await self._allowed("registration")
        form = await self.forms.read(request)
        try:
            values = _registered(form.get("email", ""), form.get("given_name", ""), form.get("family_name", ""))
        except InvalidValue:
            return self._registration(request, self.forms.pages.say(request, "error.invalid_value"), form)
        if may.registration_domains and values.email.rpartition("@")[2].casefold() not in may.registration_domains:
            return self._registration(request, self.forms.pages.say(request, "register.domain"), form)
        self.mail_requests.count(request, "registration")
        self.postman.post(partial(self._registration_mail, values, language_of(request)))
        return self._told(request, "register.title", "register.sent", link="/login", link_text="login.back")

    def _registration(self, request: Request, message: str = "", typed: Mapping[str, str] = EMPTY) -> Response:
        names = ("email", "given_name", "family_name")
        status = 400 if message else 200
        return self.forms.show(
            request, "register.html", status, message=message, **{name: typed.get(name, "") for name in names}
        )

    async def _reset_mail(self, name: str, language: str) -> Mail | None:
        user = await self.users.find_by_login(name)
        if (
            user is None
            or not _has_password_here(user)
            or not user.email
            or await self.mail_requests.too_many_to(user.email)
        ):
            return None
        # Who never had a password was invited, and is so again.
        purpose = Purpose.RESET if user.password_hash is not None else Purpose.INVITATION
        return await self.letters.link(user, purpose, language)

    async def _registration_mail(self, values: UserValues, language: str) -> Mail | None:
        if await self.mail_requests.too_many_to(values.email):
            return None
        user = await self.users.find_by_login(values.email)
        if user is not None and not _has_password_here(user):
            return None
        if user is not None and user.password_hash is not None:
            return self.letters.known(user, language)
        if user is None:
            try:
                user = await self.users.create(values)
            except NameTaken:
                return None
            log.info("user_registered", user_id=user.id)
        return await self.letters.link(user, Purpose.INVITATION, language)

    async def _verified(self, user: User) -> None:
        current = await self.users.resolve(user.id)
        if current.email == user.email:
            await self.users.change(user.id, replace(current.values, email_verified=True))

    async def _allowed(self, setting: str) -> SelfService:
        may = await self.documents.load(SelfService)
        if not getattr(may, setting):
            raise NotFound(f"{setting} is switched off")
        return may

    async def _ask_password(
        self, request: Request, user: User, purpose: Purpose, token: str, message: str = ""
    ) -> Response:
        policy = await self.documents.load(PasswordPolicy)
        return self.forms.show(
            request,
            "change.html",
            400 if message else 200,
            message=message,
            user_name=user.user_name,
            text="",
            token=token,
            purpose=purpose,
            action=CHOSEN_BY_LINK,
            rules=describe_rules(self.forms.pages, request, policy),
        )

    def _told(self, request: Request, title: str, text: str, *, link: str = "", link_text: str = "") -> Response:
        pages = self.forms.pages
        shown = pages.say(request, link_text) if link_text else ""
        return pages.message(request, pages.say(request, title), pages.say(request, text), link=link, link_text=shown)


def _has_password_here(user: User) -> bool:
    """Say whether a user may choose a password: who came by a company's provider logs in there."""
    return user.may_log_in and (user.provider_id is None or user.password_hash is not None)


def _link(given: dict[str, str]) -> tuple[Purpose, str]:
    purposes = {Purpose.RESET, Purpose.INVITATION}
    purpose = next((each for each in purposes if each == given.get("purpose")), None)
    if purpose is None:
        raise LinkUsed("no purpose that a link to a password has")
    return purpose, given.get("token", "")


def _registered(email: str, given_name: str, family_name: str) -> UserValues:
    if not email.strip():
        raise InvalidValue("email", "must not be empty")
    email = email.strip()
    return UserValues(user_name=email, email=email, given_name=given_name.strip(), family_name=family_name.strip())
