"""`/login` and below: what the pages of a login send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import Route

from entryway.idp.errors import LoginOver, PasswordRefused
from entryway.idp.factors.passkeys import PasskeyRefused
from entryway.idp.login import page_finisher
from entryway.idp.login.attempt import CODE, KEY, PASSWORD, SECOND_FACTORS, Goal
from entryway.idp.login.next_step import authenticated
from entryway.idp.login.sessions import BROWSER_COOKIE
from entryway.idp.users.password_policy import PasswordPolicy
from entryway.idp.users.user import LONGEST as LONGEST_NAME
from entryway.oauth.errors import BadCredentials
from entryway.telemetry import get_logger
from entryway.web import edge
from entryway.web.tries import came_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.documents import Documents
    from entryway.idp.factors.authenticators import Authenticators
    from entryway.idp.factors.passkeys import Passkeys
    from entryway.idp.factors.second_factors import SecondFactors
    from entryway.idp.login.attempt import Attempt
    from entryway.idp.login.attempts import Attempts
    from entryway.idp.login.flow import LoginFlow
    from entryway.idp.login.steps import ChangePasswordStep, EnrolStep, NameStep, PasswordStep, SecondFactorStep
    from entryway.idp.settings import IdpSettings
    from entryway.idp.trail import Trail
    from entryway.idp.users.authentication import Authentication
    from entryway.idp.users.password_changes import PasswordChanges
    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User
    from entryway.storage.moments import Clock
    from entryway.web.pages import Pages
    from entryway.web.tries import Tries

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Steps:
    """The pages that ask."""

    name: NameStep
    password: PasswordStep
    second_factor: SecondFactorStep
    enrol: EnrolStep
    change_password: ChangePasswordStep


@dataclass(frozen=True, slots=True)
class LoginEndpoints:
    """Checks what was sent, stores what it proves, and lets the flow go on."""

    settings: IdpSettings
    steps: Steps
    flow: LoginFlow
    attempts: Attempts
    authentication: Authentication
    tries: Tries
    users: Users
    second_factors: SecondFactors
    authenticators: Authenticators
    passkeys: Passkeys
    password_changes: PasswordChanges
    documents: Documents
    pages: Pages
    trail: Trail
    clock: Clock

    def routes(self) -> list[Route]:
        """Return where the endpoints answer."""
        return [
            Route("/login", self.page, methods=["GET"]),
            Route("/login", self.submit_password, methods=["POST"]),
            Route("/login/name", self.submit_name, methods=["POST"]),
            Route("/login/provider", self.choose_provider, methods=["POST"]),
            Route("/login/passkey", self.submit_passkey, methods=["POST"]),
            Route("/login/code", self.submit_code, methods=["POST"]),
            Route("/login/enrol", self.submit_enrolment, methods=["POST"]),
            Route("/login/continue", self.go_on, methods=["POST"]),
            Route("/login/password", self.submit_new_password, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """Let somebody log in who came without an application."""
        return await self.flow.begin(request, Goal(page_finisher.KIND, {"path": page_finisher.HOME}))

    async def submit_password(self, request: Request) -> Response:
        """Check name and password."""
        form, attempt, browser = await self._form(request)
        name, password = form.get("username", ""), form.get("password", "")
        if not name.strip() or not password:
            message = self.pages.say(request, "login.empty")
            return await self.steps.password.ask(request, attempt, browser, user_name=name, message=message)
        try:
            with self.tries.counted("", came_from(request, self.settings.certificate_networks)):
                user = await self.authentication.check(name, password)
        except BadCredentials as error:
            log.info("login_failed", reason=error.detail)
            message = self.pages.say(request, "login.wrong")
            return await self.steps.password.ask(request, attempt, browser, user_name=name, message=message, status=401)
        attempt = await self.attempts.learn_user(attempt, user.id, self.clock(), PASSWORD)
        return await self.flow.proceed(request, attempt, browser)

    async def submit_name(self, request: Request) -> Response:
        """Note who wants to log in, so that it can be told where."""
        form, attempt, browser = await self._form(request)
        name = form.get("username", "").strip()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            message = self.pages.say(request, "identify.empty")
            return await self.steps.name.ask(request, attempt, browser, message=message, status=400)
        return await self.flow.proceed(request, await self.attempts.learn_name(attempt, name), browser)

    async def choose_provider(self, request: Request) -> Response:
        """Go to the company's provider that the user has chosen."""
        form, attempt, browser = await self._form(request)
        if form.get("provider") not in {one.alias for one in await self.steps.password.whereabouts.offered(attempt)}:
            raise LoginOver("this provider is not on offer here")
        return await self.flow.proceed(request, await self.attempts.choose_provider(attempt, form["provider"]), browser)

    async def submit_passkey(self, request: Request) -> Response:
        """Check a passkey: as the first factor or as the second."""
        form, attempt, browser = await self._form(request)
        try:
            user = await self._holder(attempt, form.get("credential", ""))
        except PasskeyRefused as error:
            log.info("login_failed", reason=error.detail)
            self.trail.account("PasskeyFailed", attempt.user_id or "")
            if authenticated(attempt):
                message = self.pages.say(request, "code.wrong")
                return await self.steps.second_factor.ask(request, attempt, browser, message=message, status=401)
            message = self.pages.say(request, "login.wrong")
            return await self.steps.password.ask(request, attempt, browser, message=message, status=401)
        self.trail.account("PasskeyAccepted", user.id)
        if authenticated(attempt):
            attempt = await self.attempts.learn_method(attempt, KEY)
        else:
            attempt = await self.attempts.learn_user(attempt, user.id, self.clock(), KEY)
        return await self.flow.proceed(request, attempt, browser)

    async def submit_code(self, request: Request) -> Response:
        """Check a code of an authenticator app, or a recovery code; guesses are counted like passwords."""
        form, attempt, browser = await self._form(request)
        user = await self._known(attempt)
        method = await self.second_factors.shown(user, form.get("code", ""))
        if method is None:
            message = self.pages.say(request, "code.wrong")
            return await self.steps.second_factor.ask(request, attempt, browser, message=message, status=401)
        attempt = await self.attempts.learn_method(attempt, method)
        return await self.flow.proceed(request, attempt, browser)

    async def submit_enrolment(self, request: Request) -> Response:
        """Enrol the authenticator app that knows the code, and show recovery codes."""
        form, attempt, browser = await self._form(request)
        user, secret = await self._known(attempt), self.steps.enrol.secret_of(attempt)
        if secret is None or (await self.flow.requirements.factors.enrolled(user.id)):
            # Whoever has a second factor shows that one: the password alone must not replace it.
            raise LoginOver("no enrolment was begun here")
        if not await self.authenticators.enrol(user.id, secret, form.get("code", "")):
            message = self.pages.say(request, "enrol.wrong")
            return await self.steps.enrol.ask(request, attempt, browser, message=message, status=400)
        log.info("second_factor_enrolled", user_id=user.id, kind="totp")
        self.trail.account("SecondFactorEnrolled", user.id, kind="totp")
        attempt = await self.attempts.learn_method(attempt, CODE)
        return self.pages.show(
            request,
            "recovery.html",
            codes=await self.authenticators.new_recovery_codes(user.id),
            action="/login/continue",
            method="post",
            attempt=attempt.id,
            csrf=self.attempts.form_token(attempt, browser),
        )

    async def go_on(self, request: Request) -> Response:
        """Go on after a page that had only something to show."""
        _, attempt, browser = await self._form(request)
        return await self.flow.proceed(request, attempt, browser)

    async def submit_new_password(self, request: Request) -> Response:
        """Change a password that must be changed."""
        form, attempt, browser = await self._form(request)
        user = await self._known(attempt)
        needs = await self.flow.needs(attempt, user, request)
        if not needs.new_password or (needs.second_factor and not _second_factor_shown(attempt)):
            raise LoginOver("no new password is needed, or not yet")
        if form.get("password") != form.get("repeated"):
            message = self.pages.say(request, "change.differs")
            return await self.steps.change_password.ask(request, attempt, browser, message=message, status=400)
        try:
            await self.password_changes.change(user, form.get("password", ""))
        except PasswordRefused as error:
            message = await refusal_text(self.pages, request, self.documents, error)
            return await self.steps.change_password.ask(request, attempt, browser, message=message, status=400)
        await self.flow.session_end.end_all(user.id)
        return await self.flow.proceed(request, attempt, browser)

    async def _form(self, request: Request) -> tuple[Mapping[str, str], Attempt, str]:
        form = await edge.read_parameters(request)
        browser = request.cookies.get(BROWSER_COOKIE, "")
        return form, await self.attempts.resolve(form.get("attempt", ""), form.get("csrf", ""), browser), browser

    async def _holder(self, attempt: Attempt, credential: str) -> User:
        user_id = await self.passkeys.verify(attempt.challenge, credential)
        user = await self.users.find(user_id)
        if user is None or not user.may_log_in or (authenticated(attempt) and user_id != attempt.user_id):
            raise PasskeyRefused("the passkey's user is locked, or not who has begun to log in")
        return user

    async def _known(self, attempt: Attempt) -> User:
        """Return who has shown a first factor in this attempt."""
        user = await self.users.find(attempt.user_id) if attempt.user_id is not None else None
        if user is None or not user.may_log_in or not authenticated(attempt):
            raise LoginOver("nobody has begun to log in here, or the user was locked meanwhile")
        return user


async def refusal_text(pages: Pages, request: Request, documents: Documents, error: PasswordRefused) -> str:
    """Return which rules a password breaks, in the words of the reader."""
    values = (await documents.load(PasswordPolicy)).model_dump()
    rules = [pages.say(request, f"password.{name}", **values) for name in error.broken]
    return f"{pages.say(request, 'password.rules')} {'; '.join(rules)}."


def _second_factor_shown(attempt: Attempt) -> bool:
    return not SECOND_FACTORS.isdisjoint(attempt.methods)
