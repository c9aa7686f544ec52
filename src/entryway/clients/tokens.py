"""Asking a token service for tokens: one method for each grant, client credentials always in the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from entryway.clients.http import Answer, HttpClient, call
from entryway.errors import UpstreamError, UpstreamUnreachable

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ANSWER_LIMIT = 1024 * 1024
SHORTEST_SECRET = 6
REASONS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)
"""RFC 6749 §5.2: errors that say what is wrong with the request."""


class OAuthClient(Protocol):
    """Who asks: `OAuthCredentials` of a binding, or a `ClientIdentity` made by hand."""

    @property
    def clientid(self) -> str: ...

    @property
    def secret(self) -> str | None: ...

    @property
    def token_url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """A client that is known by other means than a binding."""

    clientid: str
    secret: str | None = field(repr=False)
    token_url: str


@dataclass(frozen=True, slots=True)
class TokenSet:
    """What a token service gave; `expires_in` counts seconds from the answer."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)
    expires_in: int
    scope: str
    token_type: str = "bearer"  # noqa: S105 - the name of a kind


class TokenRefused(UpstreamError):
    """The token service answered and said no; where it says why, asking again will not help."""

    code = "token_refused"
    title = "The token service refused the request"

    def __init__(self, origin: str, answered: int, error: str, description: str = "") -> None:
        super().__init__(origin, f"answered {answered} {error} {description}".rstrip())
        self.answered = answered
        self.error = error
        self.says_why = bool(description) or error in REASONS


@dataclass(frozen=True, slots=True)
class TokenClient:
    """Fetches tokens over `http`; for a certificate binding, `http` must present that certificate."""

    http: HttpClient

    async def client_credentials(
        self, client: OAuthClient, *, scope: Sequence[str] = (), correlation_id: str | None = None
    ) -> TokenSet:
        """Return a token of the client itself."""
        form = {"grant_type": "client_credentials"} | _scope(scope)
        return await self._fetch(client, form, correlation_id, attempts=2)

    async def jwt_bearer(
        self, client: OAuthClient, assertion: str, *, scope: Sequence[str] = (), correlation_id: str | None = None
    ) -> TokenSet:
        """Return a token that the client may use for the user whom `assertion` names."""
        form = {"grant_type": JWT_BEARER, "assertion": assertion, "response_type": "token"} | _scope(scope)
        return await self._fetch(client, form, correlation_id, attempts=2)

    async def authorization_code(
        self,
        client: OAuthClient,
        code: str,
        redirect_uri: str,
        *,
        code_verifier: str | None = None,
        correlation_id: str | None = None,
    ) -> TokenSet:
        """Return the tokens of the user who just logged in; a code works once."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if code_verifier is not None:
            form["code_verifier"] = code_verifier
        return await self._fetch(client, form, correlation_id)

    async def refresh(self, client: OAuthClient, refresh_token: str, *, correlation_id: str | None = None) -> TokenSet:
        """Return fresh tokens; `refresh_token` may be used up by it."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._fetch(client, form, correlation_id)

    async def password(
        self, client: OAuthClient, username: str, password: str, *, correlation_id: str | None = None
    ) -> TokenSet:
        """Return tokens of the user who handed in name and password; never repeated, for a failure may lock them."""
        form = {"grant_type": "password", "username": username, "password": password}
        return await self._fetch(client, form, correlation_id)

    async def _fetch(
        self, client: OAuthClient, form: Mapping[str, str], correlation_id: str | None, attempts: int = 1
    ) -> TokenSet:
        body = {**form, "client_id": client.clientid}
        if client.secret is not None:
            body["client_secret"] = client.secret
        headers = {"accept": "application/json"}
        if correlation_id:
            headers["x-correlationid"] = correlation_id
        for attempt in range(attempts):
            last = attempt == attempts - 1
            try:
                answer = await call(self.http, "POST", client.token_url, headers=headers, form=body, limit=ANSWER_LIMIT)
            except UpstreamUnreachable:
                if last:
                    raise
                continue
            # Nothing is used up by these grants, so a service that is about to return may be asked once more.
            if answer.status in {502, 503, 504} and not last:
                continue
            break
        return parse_token_answer(answer, submitted=tuple(body.values()))


class _TokenAnswer(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    # RFC 6749 appendix A.12: whatever else it holds, it can stand in a header.
    access_token: Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")]
    refresh_token: str | None = None
    id_token: str | None = None
    expires_in: Annotated[int, Field(ge=0)] = 0
    scope: str = ""
    token_type: str = "bearer"  # noqa: S105 - the name of a kind


def parse_token_answer(answer: Answer, submitted: Sequence[str] = ()) -> TokenSet:
    """Return the tokens in an answer, or raise what it says instead; values in `submitted` never reach an error."""
    if answer.status != 200:
        raise _refusal(answer, submitted)
    try:
        parsed = _TokenAnswer.model_validate(answer.json_object())
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, found["loc"])) for found in error.errors(include_input=False))
        raise UpstreamError(answer.origin, f"answered 200 without a usable token: {wrong}") from None
    return TokenSet(
        parsed.access_token,
        parsed.refresh_token or None,
        parsed.id_token or None,
        parsed.expires_in,
        parsed.scope,
        parsed.token_type,
    )


def _refusal(answer: Answer, submitted: Sequence[str]) -> UpstreamError:
    if answer.status >= 500 or answer.status == 429:
        return UpstreamError(answer.origin, f"answered {answer.status}")
    try:
        content = answer.json_object()
    except UpstreamError:
        content = {}
    error, description = str(content.get("error", "")), str(content.get("error_description", ""))
    # Servers like to repeat what they were sent: "Invalid authorization code: <code>".
    for value in submitted:
        if len(value) >= SHORTEST_SECRET:
            error, description = error.replace(value, "…"), description.replace(value, "…")
    return TokenRefused(answer.origin, answer.status, error[:100], description[:300])


def _scope(scope: Sequence[str]) -> dict[str, str]:
    return {"scope": " ".join(scope)} if scope else {}
