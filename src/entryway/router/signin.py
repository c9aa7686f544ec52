"""Logging in: sends browsers to an authority and receives them back, with new sessions for old."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from entryway.clients.tokens import TokenRefused
from entryway.errors import UpstreamError
from entryway.http import Headers, Request, Response
from entryway.router import audit, login, login_page
from entryway.router.address import Address, address_of
from entryway.router.authority import KIND_PARAMETER, Authorities, Authority, Return, notice_of
from entryway.router.cookies import LOGIN_COOKIES, STATE_SECONDS, CookieRules, SessionCookie, cookie_value
from entryway.router.errors import CodeRefused, LoginFailed, LoginRequired, LoginServerFailed
from entryway.router.identifiers import correlation_id, new_uuid
from entryway.router.login_page import NO_STORE, LoginPage
from entryway.router.queries import read_query
from entryway.router.routes import CHOSEN_PROVIDER, ServedRoute
from entryway.router.sessions import Login, Session, SessionMaker, SessionStore
from entryway.telemetry import get_logger

log = get_logger("router.login")


@dataclass(frozen=True, slots=True)
class LoginRules:
    """What the configuration says about logging in."""

    callback_endpoint: str
    state: bool
    pkce: bool
    preserve_fragment: bool
    policy: str | None
    """The content security policy of the login page."""
    notice_endpoint: str | None = None
    """Where authorities announce that a user has logged out there."""
    renews: bool = False
    """Whether tokens are renewed ahead of their end."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The login of one application, at any of its authorities."""

    authorities: Authorities
    rules: LoginRules
    cookies: CookieRules
    session_cookie: SessionCookie
    sessions: SessionStore
    maker: SessionMaker
    clock: Callable[[], float]
    used_states: login.UsedStates = field(default_factory=login.UsedStates)

    def challenge(self, request: Request, served: ServedRoute) -> Response:
        """Answer a request that lacks a login: people are sent to it, scripts learn that they need one."""
        if request.method != "GET" or served.login == "basic" or is_script(request):
            raise LoginRequired(served.label)
        idp = self._identity_provider(request, served)
        authority = self.authorities.at(request).of_route(served.login)
        return self._send_to_login(request, authority, self._location(request), identity_provider=idp)

    def is_callback(self, path: str) -> bool:
        """Tell whether this path is where authorities send browsers back to."""
        return path == self.rules.callback_endpoint and bool(self.authorities.by_kind)

    async def callback(self, request: Request, session: Session | None) -> Response | None:
        """Answer a browser that comes back from an authority; None if the routes have a say."""
        logged_in = session is not None and session.login is not None
        if logged_in and self._is_late(request):
            return self._way_back(request)
        if logged_in and b"locationAfterLogin=" not in (request.headers.get(b"cookie") or b""):
            return None  # the browser's back button
        return await self._complete(request)

    async def _complete(self, request: Request) -> Response:
        """Redeem the code, begin a new session, go to where the user was."""
        authority = self.authorities.at(request).of_callback(read_query(request.target).get(KIND_PARAMETER, [None])[0])
        header = request.headers.get(b"cookie")
        answered = login.parse_callback(request.target)
        if answered.code is None and answered.error is None:
            return self._login_again(request, authority, header)
        login.check_callback(answered, state_needed=self.rules.state)
        attempt = await self._check_state(authority, answered.state, header)
        location = self._noted_location(authority, header)
        user = await self._redeem(authority, self._return(request, authority, answered.code or "", attempt))
        session = await self.begin_session(user, header)
        fragment = login.fragment_of(cookie_value(header, "fragmentAfterLogin"))
        return redirect(location + fragment, self._cookies_after_login(request, session))

    def _is_late(self, request: Request) -> bool:
        """Tell whether a tab comes back from its login after another tab of the browser has logged in."""
        answered = login.parse_callback(request.target)
        code, state = answered.code, answered.state
        if not self.rules.state or code is None or state is None or state in self.used_states:
            return False
        # What bound its login to the browser gave way to the session; where it is there, the login goes on.
        return login.is_open(state, self.clock()) and self._state_cookie(request) is None

    def _way_back(self, request: Request) -> Response:
        """Lead a late tab to where it was. Its code is not looked at: the user is logged in, and stays who they are."""
        home = address_of(request).prefix + "/"
        gone = self._login_cookies_gone(request)
        return login_page.render_way_back(home, os.urandom(16), policy=self.rules.policy, set_cookies=gone)

    def _login_again(self, request: Request, authority: Authority, header: bytes | None) -> Response:
        """Send somebody to the login who came to its end without having been there."""
        try:
            location = self._noted_location(authority, header)
        except LoginFailed:
            return self._send_to_login(request, authority, "/", fragment="")
        fragment = cookie_value(header, "fragmentAfterLogin") or ""
        return self._send_to_login(request, authority, location, fragment=fragment)

    def _noted_location(self, authority: Authority, header: bytes | None) -> str:
        noted, signature = cookie_value(header, "locationAfterLogin"), cookie_value(header, "signature")
        return login.check_location(authority.keys, noted, signature, signed=self.rules.preserve_fragment)

    def _return(self, request: Request, authority: Authority, code: str, attempt: login.Attempt | None) -> Return:
        address = address_of(request)
        notice = ""
        if self.rules.notice_endpoint is not None:
            state = new_uuid() if attempt is None else attempt.cookie
            led = self.cookies.platform_in(request.headers.get(b"cookie"))
            notice = notice_of(f"{led}{self.cookies.state_name}={state}", address, self.rules.notice_endpoint)
        verifier = attempt.verifier if attempt is not None and self.rules.pkce else None
        correlation = correlation_id(request.headers).decode("latin-1")
        return Return(code, self._redirect_uri(authority, address), verifier, notice, correlation)

    @staticmethod
    async def _redeem(authority: Authority, returned: Return) -> Login:
        try:
            return await authority.redeem(returned)
        except TokenRefused as error:
            raise CodeRefused(error.detail) from error
        except UpstreamError as error:
            raise LoginServerFailed(error.detail) from error

    async def begin_session(self, user: Login, header: bytes | None) -> Session:
        """Begin a session for a user who has just logged in; what the browser had before ends."""
        # A name that nobody knew before the login: a session that an attacker planted gains nothing from it.
        session = self.maker.new(os.urandom(64), self.clock())
        session.login = user
        for value in self.session_cookie.values(header, self.cookies.session_name):
            old = await self.sessions.load(value)
            if old is not None:
                await self.sessions.drop(old)
                audit.logged_out(old, "new_login")
        await self.sessions.save(session)
        audit.logged_in(user)
        if self.rules.renews and user.refresh_token is not None and user.refresh_at is None:
            seconds = round(user.expires_at - self.clock())
            log.error("token_not_to_be_renewed", reason="it lives shorter than JWT_REFRESH", seconds=seconds)
        return session

    def _cookies_after_login(self, request: Request, session: Session) -> list[str]:
        asked, secure = request.headers, address_of(request).secure
        lines = self._login_cookies_gone(request)
        if self.cookies.state_name != self.cookies.session_name and self.rules.state:
            lines.insert(0, self.cookies.gone(self.cookies.state_name, asked))
        lines.append(self.cookies.session(session.cookie, secure=secure, asked=asked))
        return lines

    def _login_cookies_gone(self, request: Request) -> list[str]:
        asked, header = request.headers, request.headers.get(b"cookie")
        return [self.cookies.gone(name, asked) for name in LOGIN_COOKIES if cookie_value(header, name) is not None]

    async def _check_state(self, authority: Authority, state: str | None, header: bytes | None) -> login.Attempt | None:
        """Return the attempt of a login that comes back to this browser from this authority, for the first time."""
        if not self.rules.state or state is None:
            return None
        values = self.session_cookie.values(header, self.cookies.state_name)
        now = self.clock()
        attempt = login.check_state(authority.keys, state, [value.decode("latin-1") for value in values], now)
        # First where it may fail: whoever comes too early can come again.
        await self.sessions.use_state(state, STATE_SECONDS)
        self.used_states.use(state, now)
        return attempt

    def _send_to_login(
        self,
        request: Request,
        authority: Authority,
        location: str,
        *,
        identity_provider: str | None = None,
        fragment: str | None = None,
    ) -> Response:
        asked = request.headers
        address = address_of(request)
        lines: list[str] = []
        attempt = self._begin_attempt(request, authority) if self.rules.state else None
        if attempt is not None:
            lines.append(self.cookies.state(attempt.cookie, asked))
        url = authority.authorize_url(
            self._redirect_uri(authority, address), identity_provider, attempt, pkce=self.rules.pkce
        )
        if not self.rules.preserve_fragment:
            attributes = self.cookies.script_attributes(asked)
            noted = f"locationAfterLogin={login.encode(location)}; Path=/; HttpOnly"
            if attributes:
                noted += "; " + attributes.replace(";", "; ")
            return redirect(url, [noted, *lines])
        again = None if fragment is None else login.encode(location)
        page = LoginPage(
            url, login.sign_location(authority.keys, location), self.cookies.script_attributes(asked), again, fragment
        )
        return login_page.render(page, os.urandom(16), policy=self.rules.policy, set_cookies=lines)

    def _begin_attempt(self, request: Request, authority: Authority) -> login.Attempt:
        return login.begin(authority.keys, self._state_cookie(request), self.clock(), os.urandom(20))

    def _state_cookie(self, request: Request) -> str | None:
        """Return what binds logins to this browser, if it has begun one."""
        values = self.session_cookie.values(request.headers.get(b"cookie"), self.cookies.state_name)
        texts = [value.decode("latin-1") for value in values]
        return next((text for text in texts if login.STATE_COOKIE.fullmatch(text)), None)

    def _redirect_uri(self, authority: Authority, address: Address) -> str:
        suffix = self.authorities.callback_suffix(authority)
        return f"{address.origin}{address.prefix}{self.rules.callback_endpoint}{suffix}"

    def _location(self, request: Request) -> str:
        return address_of(request).prefix + request.target

    @staticmethod
    def _identity_provider(request: Request, served: ServedRoute) -> str | None:
        if served.route.dynamic_identity_provider:
            chosen = read_query(request.target).get(CHOSEN_PROVIDER, [""])[0]
            if chosen:
                return chosen
        return served.route.identity_provider


def redirect(location: str, cookies: list[str]) -> Response:
    """Return a redirect that no cache keeps."""
    headers = [(b"location", location.encode("latin-1")), (b"cache-control", NO_STORE)]
    headers += [(b"set-cookie", line.encode("latin-1")) for line in cookies]
    return Response(302, Headers(headers))


def is_script(request: Request) -> bool:
    """Tell whether a page's script asks, for whom a login page is of no use."""
    return (request.headers.get(b"x-requested-with") or b"").lower() == b"xmlhttprequest"
