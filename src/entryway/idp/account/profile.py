"""`/profile`: what users see and change of their own account."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from entryway.idp.account.browsers import browser_name
from entryway.idp.account.links import Purpose
from entryway.idp.bootstrap import ADMIN_GROUP
from entryway.idp.console.office import LINKS as ADMIN_LINKS
from entryway.idp.errors import LinkUsed, PasswordRefused
from entryway.idp.factors import qr, totp
from entryway.idp.factors.authenticators import new_secret
from entryway.idp.login.attempt import CODE, KEY
from entryway.idp.login.endpoints import refusal_text
from entryway.idp.login.page_finisher import HOME
from entryway.idp.login.sessions import LOGIN_COOKIE
from entryway.idp.login.steps import describe_rules
from entryway.idp.users.password_policy import PasswordPolicy
from entryway.oauth.errors import BadCredentials
from entryway.storage import SealError
from entryway.web.cookies import clear_cookie
from entryway.web.pages.texts import language_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.idp.account.letters import Letters
    from entryway.idp.account.mail_requests import MailRequests
    from entryway.idp.account.visitors import Visitors
    from entryway.idp.documents import Documents
    from entryway.idp.factors.authenticators import Authenticators
    from entryway.idp.factors.passkeys import Passkeys
    from entryway.idp.login.sessions import LoggedIn, Sessions
    from entryway.idp.mail.postman import Postman
    from entryway.idp.pages.forms import Forms
    from entryway.idp.session_end import SessionEnd
    from entryway.idp.settings import IdpSettings
    from entryway.idp.trail import Trail
    from entryway.idp.users.authentication import Authentication
    from entryway.idp.users.groups import Groups
    from entryway.idp.users.password_changes import PasswordChanges
    from entryway.idp.users.store import Users
    from entryway.storage import Sealer

_ENROLMENT = "profile-enrolment"


@dataclass(frozen=True, slots=True)
class ProfileEndpoints:
    """One page, and what its forms do; whatever changes a login needs a login of the last quarter of an hour."""

    settings: IdpSettings
    visitors: Visitors
    users: Users
    groups: Groups
    authentication: Authentication
    password_changes: PasswordChanges
    authenticators: Authenticators
    passkeys: Passkeys
    sessions: Sessions
    session_end: SessionEnd
    letters: Letters
    postman: Postman
    mail_requests: MailRequests
    documents: Documents
    sealer: Sealer
    trail: Trail
    forms: Forms

    def routes(self) -> list[Route]:
        """Return where the endpoints answer."""
        return [
            Route(HOME, self.page, methods=["GET"]),
            # Where people look for it: at the address alone, and where identity services of this kind have it.
            Route("/", self.elsewhere, methods=["GET"]),
            Route("/ui/protected/profilemanagement", self.elsewhere, methods=["GET"]),
            Route(f"{HOME}/password", self.change_password, methods=["POST"]),
            Route(f"{HOME}/verification", self.ask_for_verification, methods=["POST"]),
            Route(f"{HOME}/app", self.begin_app, methods=["GET"]),
            Route(f"{HOME}/app", self.add_app, methods=["POST"]),
            Route(f"{HOME}/app/removal", self.remove_app, methods=["POST"]),
            Route(f"{HOME}/recovery-codes", self.new_recovery_codes, methods=["POST"]),
            Route(f"{HOME}/passkeys", self.begin_passkey, methods=["GET"]),
            Route(f"{HOME}/passkeys", self.add_passkey, methods=["POST"]),
            Route(f"{HOME}/passkeys/removal", self.remove_passkey, methods=["POST"]),
            Route(f"{HOME}/sessions/end", self.end_sessions, methods=["POST"]),
        ]

    async def elsewhere(self, request: Request) -> Response:
        """Go to the page."""
        del request
        return RedirectResponse(HOME, 303)

    async def page(self, request: Request) -> Response:
        """Show the account."""
        visitor = await self.visitors.on_page(request, HOME)
        return visitor if isinstance(visitor, Response) else await self._page(request, visitor)

    async def change_password(self, request: Request) -> Response:
        """Change the password of who knows the present one; other browsers are logged out by it."""
        form = await self.forms.read(request)
        visitor = await self.visitors.on_page(request, HOME)
        if isinstance(visitor, Response):
            return visitor
        say = partial(self.forms.pages.say, request)
        try:
            user = await self.authentication.check(visitor.user.user_name, form.get("current", ""))
        except BadCredentials:
            return await self._page(request, visitor, message=say("change.wrong"), status=400)
        if form.get("password") != form.get("repeated"):
            return await self._page(request, visitor, message=say("change.differs"), status=400)
        try:
            await self.password_changes.change(user, form.get("password", ""))
        except PasswordRefused as error:
            message = await refusal_text(self.forms.pages, request, self.documents, error)
            return await self._page(request, visitor, message=message, status=400)
        await self.sessions.refresh_fingerprint(visitor.session_id, await self.users.resolve(user.id))
        for session in await self.sessions.of_user(user.id):
            if session.id != visitor.session_id:
                await self.session_end.end(session.id)
        return await self._page(request, visitor, done=say("change.done"))

    async def ask_for_verification(self, request: Request) -> Response:
        """Send a link that confirms the mail address."""
        await self.forms.read(request)
        visitor = await self.visitors.on_page(request, HOME)
        if isinstance(visitor, Response):
            return visitor
        say = partial(self.forms.pages.say, request)
        if visitor.user.email and await self.mail_requests.too_many_to(visitor.user.email):
            return await self._page(request, visitor, message=say("profile.verification_too_many"), status=429)
        language = language_of(request)
        self.postman.post(partial(self.letters.link, visitor.user, Purpose.VERIFICATION, language))
        return await self._page(request, visitor, done=say("profile.verification_sent"))

    async def begin_app(self, request: Request) -> Response:
        """Show a QR code for an authenticator app."""
        visitor = await self.visitors.lately(request, f"{HOME}/app")
        if isinstance(visitor, Response):
            return visitor
        return self._app_page(request, visitor, new_secret())

    async def add_app(self, request: Request) -> Response:
        """Enrol the app that knows the code, and show recovery codes."""
        form = await self.forms.read(request)
        visitor = await self.visitors.lately(request, f"{HOME}/app")
        if isinstance(visitor, Response):
            return visitor
        secret = self._unsealed(visitor, form.get("secret", ""))
        if not await self.authenticators.enrol(visitor.user.id, secret, form.get("code", "")):
            return self._app_page(request, visitor, secret, self.forms.pages.say(request, "enrol.wrong"))
        # The code has been shown by whoever sits here; it works once, and must not be asked for on the next page.
        await self.sessions.learn_method(visitor.session_id, CODE)
        self.trail.account("SecondFactorEnrolled", visitor.user.id, kind="totp")
        return await self._recovery_page(request, visitor)

    async def remove_app(self, request: Request) -> Response:
        """Take the authenticator app away, with the recovery codes."""
        await self.forms.read(request)
        visitor = await self.visitors.lately(request, HOME)
        if isinstance(visitor, Response):
            return visitor
        await self.authenticators.remove_app(visitor.user.id)
        self.trail.account("SecondFactorRemoved", visitor.user.id, kind="totp")
        return _home()

    async def new_recovery_codes(self, request: Request) -> Response:
        """Show new recovery codes; the earlier ones work no more."""
        await self.forms.read(request)
        visitor = await self.visitors.lately(request, HOME)
        if isinstance(visitor, Response):
            return visitor
        return await self._recovery_page(request, visitor)

    async def begin_passkey(self, request: Request) -> Response:
        """Ask the browser for a passkey."""
        visitor = await self.visitors.lately(request, f"{HOME}/passkeys")
        if isinstance(visitor, Response):
            return visitor
        options = await self.passkeys.registration_options(visitor.user)
        return self.forms.show(
            request,
            "passkey.html",
            options=options.json,
            challenge=self._sealed(visitor, options.challenge.encode()),
        )

    async def add_passkey(self, request: Request) -> Response:
        """Keep the passkey that the browser made."""
        form = await self.forms.read(request)
        visitor = await self.visitors.lately(request, f"{HOME}/passkeys")
        if isinstance(visitor, Response):
            return visitor
        challenge = self._unsealed(visitor, form.get("challenge", "")).decode()
        await self.passkeys.register(visitor.user, challenge, form.get("credential", ""), form.get("name", ""))
        await self.sessions.learn_method(visitor.session_id, KEY)
        self.trail.account("SecondFactorEnrolled", visitor.user.id, kind="passkey")
        return _home()

    async def remove_passkey(self, request: Request) -> Response:
        """Take a passkey away."""
        form = await self.forms.read(request)
        visitor = await self.visitors.lately(request, HOME)
        if isinstance(visitor, Response):
            return visitor
        await self.passkeys.remove(visitor.user.id, form.get("id", ""))
        self.trail.account("SecondFactorRemoved", visitor.user.id, kind="passkey")
        return _home()

    async def end_sessions(self, request: Request) -> Response:
        """End one session of the visitor, or all."""
        form = await self.forms.read(request)
        visitor = await self.visitors.on_page(request, HOME)
        if isinstance(visitor, Response):
            return visitor
        chosen = form.get("id")
        for session in await self.sessions.of_user(visitor.user.id):
            if chosen in (None, session.id):
                await self.session_end.end(session.id)
        response = _home()
        if chosen in (None, visitor.session_id):
            clear_cookie(response, LOGIN_COOKIE)
        return response

    async def _page(
        self, request: Request, visitor: LoggedIn, *, message: str = "", done: str = "", status: int = 200
    ) -> Response:
        user = await self.users.resolve(visitor.user.id)
        groups = await self.groups.names_of(user.id)
        policy = await self.documents.load(PasswordPolicy)
        return self.forms.show(
            request,
            "profile.html",
            status,
            message=message,
            done=done,
            user=user,
            groups=groups,
            admin_links=ADMIN_LINKS if ADMIN_GROUP in groups else [],
            rules=describe_rules(self.forms.pages, request, policy),
            has_app=await self.authenticators.has_app(user.id),
            codes_left=await self.authenticators.recovery_codes_left(user.id),
            passkeys=await self.passkeys.of_user(user.id),
            sessions=await self.sessions.of_user(user.id),
            browser_name=browser_name,
            current=visitor.session_id,
        )

    def _app_page(self, request: Request, visitor: LoggedIn, secret: bytes, message: str = "") -> Response:
        address = totp.address(secret, visitor.user.user_name, self.settings.branding.name)
        return self.forms.show(
            request,
            "app.html",
            400 if message else 200,
            message=message,
            qr=qr.picture(address),
            key=totp.readable(secret),
            secret=self._sealed(visitor, secret),
        )

    async def _recovery_page(self, request: Request, visitor: LoggedIn) -> Response:
        codes = await self.authenticators.new_recovery_codes(visitor.user.id)
        return self.forms.show(request, "recovery.html", codes=codes, action=HOME, method="get")

    def _sealed(self, visitor: LoggedIn, value: bytes) -> str:
        # The page carries it, and this session alone can bring it back.
        return self.sealer.seal(value, f"{_ENROLMENT}:{visitor.session_id}").hex()

    def _unsealed(self, visitor: LoggedIn, sealed: str) -> bytes:
        try:
            return self.sealer.unseal(bytes.fromhex(sealed), f"{_ENROLMENT}:{visitor.session_id}")
        except (ValueError, SealError) as error:
            raise LinkUsed("the form is of another session") from error


def _home() -> Response:
    return RedirectResponse(HOME, 303)
