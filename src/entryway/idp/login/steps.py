"""The pages that a login asks with, one class for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.documents import Documents, SelfService
from entryway.idp.factors import qr, totp
from entryway.idp.factors.authenticators import new_secret
from entryway.idp.users.password_policy import PasswordPolicy

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.corporate.whereabouts import Whereabouts
    from entryway.idp.factors.authenticators import Authenticators
    from entryway.idp.factors.passkeys import Passkeys
    from entryway.idp.login.attempt import Attempt
    from entryway.idp.login.attempts import Attempts
    from entryway.idp.settings import IdpSettings
    from entryway.idp.users.store import Users
    from entryway.storage import Sealer
    from entryway.web.pages import Pages

ENROLMENT = "totp-enrolment"


@dataclass(frozen=True, slots=True)
class NameStep:
    """The name alone: it tells where its user logs in."""

    attempts: Attempts
    pages: Pages

    async def ask(
        self, request: Request, attempt: Attempt, browser: str, *, message: str = "", status: int = 200
    ) -> Response:
        """Answer with the page that asks who wants to log in."""
        csrf = self.attempts.form_token(attempt, browser)
        return self.pages.show(request, "identify.html", status, attempt=attempt.id, csrf=csrf, message=message)


@dataclass(frozen=True, slots=True)
class PasswordStep:
    """Name and password, or a passkey without a name, or a company's provider."""

    attempts: Attempts
    whereabouts: Whereabouts
    passkeys: Passkeys
    documents: Documents
    pages: Pages

    async def ask(
        self,
        request: Request,
        attempt: Attempt,
        browser: str,
        *,
        user_name: str = "",
        message: str = "",
        status: int = 200,
    ) -> Response:
        """Answer with the login page."""
        options = await self.passkeys.login_options()
        await self.attempts.keep(attempt, challenge=options.challenge, sealed_secret=None)
        may = await self.documents.load(SelfService)
        return self.pages.show(
            request,
            "login.html",
            status,
            attempt=attempt.id,
            csrf=self.attempts.form_token(attempt, browser),
            user_name=user_name or attempt.login_name or "",
            providers=[(one.alias, one.settings.name) for one in await self.whereabouts.offered(attempt)],
            message=message,
            passkey_options=options.json,
            may_reset=may.password_reset,
            may_register=may.registration,
        )


@dataclass(frozen=True, slots=True)
class SecondFactorStep:
    """A code of an authenticator app, a recovery code or a passkey of this user."""

    attempts: Attempts
    authenticators: Authenticators
    passkeys: Passkeys
    pages: Pages

    async def ask(
        self, request: Request, attempt: Attempt, browser: str, *, message: str = "", status: int = 200
    ) -> Response:
        """Answer with the page for the second factor, which asks for what the user has."""
        user_id = attempt.user_id or ""
        options, has_passkey = await self.passkeys.login_options(user_id), bool(await self.passkeys.of_user(user_id))
        await self.attempts.keep(attempt, challenge=options.challenge, sealed_secret=None)
        return self.pages.show(
            request,
            "code.html",
            status,
            attempt=attempt.id,
            csrf=self.attempts.form_token(attempt, browser),
            message=message,
            has_app=await self.authenticators.has_app(user_id) or not has_passkey,
            passkey_options=options.json if has_passkey else "",
        )


@dataclass(frozen=True, slots=True)
class EnrolStep:
    """The application needs a second factor, and the user has none yet."""

    settings: IdpSettings
    attempts: Attempts
    users: Users
    sealer: Sealer
    pages: Pages

    async def ask(
        self, request: Request, attempt: Attempt, browser: str, *, message: str = "", status: int = 200
    ) -> Response:
        """Answer with a QR code; the secret stays the same until the attempt is over."""
        secret = self.secret_of(attempt) or new_secret()
        await self.attempts.keep(attempt, challenge=None, sealed_secret=self.sealer.seal(secret, ENROLMENT))
        user = await self.users.resolve(attempt.user_id or "")
        address = totp.address(secret, user.user_name, self.settings.branding.name)
        return self.pages.show(
            request,
            "enrol.html",
            status,
            attempt=attempt.id,
            csrf=self.attempts.form_token(attempt, browser),
            message=message,
            qr=qr.picture(address),
            key=totp.readable(secret),
        )

    def secret_of(self, attempt: Attempt) -> bytes | None:
        """Return the secret that this attempt has shown."""
        return self.sealer.unseal(attempt.sealed_secret, ENROLMENT) if attempt.sealed_secret else None


@dataclass(frozen=True, slots=True)
class ChangePasswordStep:
    """The password was good for one login, or is too old."""

    attempts: Attempts
    users: Users
    documents: Documents
    pages: Pages

    async def ask(
        self, request: Request, attempt: Attempt, browser: str, *, message: str = "", status: int = 200
    ) -> Response:
        """Answer with the page for a new password."""
        return self.pages.show(
            request,
            "change.html",
            status,
            attempt=attempt.id,
            csrf=self.attempts.form_token(attempt, browser),
            token="",
            purpose="",
            message=message,
            user_name=(await self.users.resolve(attempt.user_id or "")).user_name,
            text=self.pages.say(request, "change.text"),
            action="/login/password",
            rules=describe_rules(self.pages, request, await self.documents.load(PasswordPolicy)),
        )


def describe_rules(pages: Pages, request: Request, policy: PasswordPolicy) -> list[str]:
    """Return what a policy asks for, in the words of the reader."""
    kinds = ("require_upper_case", "require_lower_case", "require_digit", "require_special")
    names = ["min_length", *(kind for kind in kinds if getattr(policy, kind)), "no_name"]
    if policy.history:
        names.append("history")
    return [pages.say(request, f"password.{name}", **policy.model_dump()) for name in names]
