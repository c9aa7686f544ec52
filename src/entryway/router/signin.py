"""Logging in: sends browsers to the authorization server and receives them back, with new sessions for old."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from entryway.clients.tokens import TokenRefused
from entryway.errors import UpstreamError
from entryway.http import Headers, Request, Response
from entryway.router import login, login_page
from entryway.router.address import Address, address_of
from entryway.router.cookies import LOGIN_COOKIES, CookieRules, SessionCookie, cookie_value
from entryway.router.errors import CodeRefused, LoginRequired, LoginServerFailed, LoginUnavailable
from entryway.router.login_page import NO_STORE, LoginPage
from entryway.router.queries import read_query
from entryway.router.routes import ServedRoute
from entryway.router.sessions import Login, Session, SessionMaker, SessionStore
from entryway.router.uaa import Uaa
from entryway.router.user_token import read_login
from entryway.telemetry import get_logger

log = get_logger("router.login")


@dataclass(frozen=True, slots=True)
class LoginRules:
    """What the configuration says about logging in."""

    callback_endpoint: str
    state: bool
    pkce: bool
    preserve_fragment: bool
    extended_policy: bool
    dynamic_identity_provider: bool
    zone_id: str
    refresh_ahead: float | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """The login of one application at one authorization server."""

    uaa: Uaa | None
    keys: login.LoginKeys
    rules: LoginRules
    cookies: CookieRules
    session_cookie: SessionCookie
    sessions: SessionStore
    maker: SessionMaker
    clock: Callable[[], float]
    used_states: login.UsedStates = field(default_factory=login.UsedStates)

    def challenge(self, request: Request, served: ServedRoute) -> Response:
        """Answer a request that lacks a login: people are sent to it, scripts learn that they need one."""
        if request.method != "GET" or _is_script(request):
            raise LoginRequired(served.label)
        idp = self._identity_provider(request, served)
        return self._send_to_login(request, self._location(request), identity_provider=idp)

    def is_callback(self, path: str) -> bool:
        """Tell whether this path is where the authorization server sends browsers back to."""
        return path == self.rules.callback_endpoint and self.uaa is not None

    async def callback(self, request: Request) -> Response:
        """Complete a login: redeem the code, begin a new session, go to where the user was."""
        uaa = self._required_uaa()
        header = request.headers.get(b"cookie")
        noted, signature = cookie_value(header, "locationAfterLogin"), cookie_value(header, "signature")
        location = login.check_location(self.keys, noted, signature, signed=self.rules.preserve_fragment)
        answered = login.parse_callback(request.target)
        login.check_callback(answered, state_needed=self.rules.state)
        verifier = self._check_state(answered.state, header)
        if answered.code is None:
            return self._send_to_login(request, location, fragment=cookie_value(header, "fragmentAfterLogin") or "")
        user = await self._redeem(uaa, answered.code, self._redirect_uri(address_of(request)), verifier)
        session = await self._begin_session(user, header)
        fragment = login.fragment_of(cookie_value(header, "fragmentAfterLogin"))
        return redirect(location + fragment, self._cookies_after_login(request, session))

    async def _redeem(self, uaa: Uaa, code: str, redirect_uri: str, verifier: str | None) -> Login:
        try:
            tokens = await uaa.redeem(code, redirect_uri, verifier)
        except TokenRefused as error:
            raise CodeRefused(error.detail) from error
        except UpstreamError as error:
            raise LoginServerFailed(error.detail) from error
        return read_login(
            tokens,
            self.clock(),
            client_id=uaa.credentials.clientid,
            zone_id=self.rules.zone_id,
            refresh_ahead=self.rules.refresh_ahead,
        )

    async def _begin_session(self, user: Login, header: bytes | None) -> Session:
        # A name that nobody knew before the login: a session that an attacker planted gains nothing from it.
        session = self.maker.new(os.urandom(64), self.clock())
        session.login = user
        for value in self.session_cookie.values(header, self.cookies.session_name):
            old = await self.sessions.load(value)
            if old is not None:
                await self.sessions.drop(old)
        await self.sessions.save(session)
        log.info("login_completed", user=user.user)
        return session

    def _cookies_after_login(self, request: Request, session: Session) -> list[str]:
        header, agent = request.headers.get(b"cookie"), request.headers.text("user-agent") or ""
        lines = [self.cookies.gone(name, agent) for name in LOGIN_COOKIES if cookie_value(header, name) is not None]
        if self.cookies.state_name != self.cookies.session_name and self.rules.state:
            lines.insert(0, self.cookies.gone(self.cookies.state_name, agent))
        lines.append(self.cookies.session(session.cookie, secure=address_of(request).secure, user_agent=agent))
        return lines

    def _check_state(self, state: str | None, header: bytes | None) -> str | None:
        """Return the PKCE verifier of a login that comes back to this browser, for the first time."""
        if not self.rules.state or state is None:
            return None
        values = self.session_cookie.values(header, self.cookies.state_name)
        now = self.clock()
        attempt = login.check_state(self.keys, state, [value.decode("latin-1") for value in values], now)
        self.used_states.use(state, now)
        return attempt.verifier if self.rules.pkce else None

    def _send_to_login(
        self,
        request: Request,
        location: str,
        *,
        identity_provider: str | None = None,
        fragment: str | None = None,
    ) -> Response:
        uaa = self._required_uaa()
        agent = request.headers.text("user-agent") or ""
        address = address_of(request)
        lines: list[str] = []
        attempt = self._begin_attempt(request) if self.rules.state else None
        if attempt is not None:
            lines.append(self.cookies.state(attempt.cookie, agent))
        url = login.authorize_url(
            f"{uaa.credentials.url}/oauth/authorize",
            uaa.credentials.clientid,
            self._redirect_uri(address),
            identity_provider=identity_provider,
            attempt=attempt,
            pkce=self.rules.pkce,
        )
        if not self.rules.preserve_fragment:
            attributes = self.cookies.script_attributes(agent)
            noted = f"locationAfterLogin={login.encode(location)}; Path=/; HttpOnly"
            if attributes:
                noted += "; " + attributes.replace(";", "; ")
            return redirect(url, [noted, *lines])
        again = None if fragment is None else login.encode(location)
        page = LoginPage(
            url, login.sign_location(self.keys, location), self.cookies.script_attributes(agent), again, fragment
        )
        return login_page.render(page, os.urandom(16), extended_policy=self.rules.extended_policy, set_cookies=lines)

    def _begin_attempt(self, request: Request) -> login.Attempt:
        earlier = self.session_cookie.values(request.headers.get(b"cookie"), self.cookies.state_name)
        texts = [value.decode("latin-1") for value in earlier]
        known = next((text for text in texts if login.STATE_COOKIE.fullmatch(text)), None)
        return login.begin(self.keys, known, self.clock(), os.urandom(20))

    def _required_uaa(self) -> Uaa:
        if self.uaa is None:
            raise LoginUnavailable("no service with the tag xsuaa is bound")
        return self.uaa

    def _redirect_uri(self, address: Address) -> str:
        return f"{address.origin}{address.prefix}{self.rules.callback_endpoint}"

    def _location(self, request: Request) -> str:
        return address_of(request).prefix + request.target

    def _identity_provider(self, request: Request, served: ServedRoute) -> str | None:
        route = served.route
        dynamic = route.dynamic_identity_provider
        if dynamic is None:
            dynamic = self.rules.dynamic_identity_provider
        if dynamic:
            chosen = read_query(request.target).get("sap_idp", [""])[0]
            if chosen:
                return chosen
        return route.identity_provider


def redirect(location: str, cookies: list[str]) -> Response:
    """Return a redirect that no cache keeps."""
    headers = [(b"location", location.encode("latin-1")), (b"cache-control", NO_STORE)]
    headers += [(b"set-cookie", line.encode("latin-1")) for line in cookies]
    return Response(302, Headers(headers))


def _is_script(request: Request) -> bool:
    return (request.headers.get(b"x-requested-with") or b"").lower() == b"xmlhttprequest"
