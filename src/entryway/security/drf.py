"""Django REST framework: who is calling, and what that caller may.

    class Products(APIView):
        authentication_classes = [TokenAuthentication]
        permission_classes = [has_scope("Display")]

`request.user` names the caller, `request.auth` is the context. The binding is named as in `entryway.security.django`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from entryway.errors import EntrywayError
from entryway.security import rules
from entryway.security.bearer import authorize, refusal
from entryway.security.context import SecurityContext
from entryway.security.django import configured_protection
from entryway.security.errors import InsufficientScope
from entryway.security.identity_context import IdentityContext
from entryway.security.rules import AnyContext, Rule
from entryway.security.wsgi import headers_of


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, with the names that Django REST framework asks for."""

    context: AnyContext

    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    @property
    def pk(self) -> str:
        """The user's id, or the client's where a client speaks for itself: what throttles count by."""
        return self.context.get_user_id() or self.context.get_clientid()

    @property
    def username(self) -> str:
        return self.context.get_logon_name() or self.context.get_clientid()

    def __str__(self) -> str:
        return self.username


class TokensCannotBeChecked(APIException):  # type: ignore[misc]
    """The authorization server does not give out its keys."""

    status_code = 503
    default_detail = "Service Unavailable"
    default_code = "keys_unavailable"


class TokenAuthentication(BaseAuthentication):  # type: ignore[misc]
    """Believes good tokens of the bound service; a request without one is left to others, and to the permissions."""

    def authenticate(self, request: Request) -> tuple[Caller, AnyContext] | None:
        if "HTTP_AUTHORIZATION" not in request.META:
            return None
        try:
            context = configured_protection().authenticate(headers_of(request.META))
        except EntrywayError as error:
            answer = refusal(error)
            if answer.status != 401:
                raise TokensCannotBeChecked from error
            raise AuthenticationFailed(answer.text) from error
        return Caller(context), context

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge; for a refused token, RFC 6750 §3.1 names the error."""
        return 'Bearer error="invalid_token"' if "HTTP_AUTHORIZATION" in request.META else "Bearer"


def require(rule: Rule) -> type[BasePermission]:
    """Return a permission that lets in whom the rule allows."""

    class Ruled(BasePermission):  # type: ignore[misc]
        message = "Forbidden"

        def has_permission(self, request: Request, view: Any) -> bool:
            del view
            if not isinstance(request.auth, SecurityContext | IdentityContext):
                return False
            try:
                authorize(request.auth, rule)
            except InsufficientScope:
                return False
            return True

    return Ruled


def has_scope(scope: str) -> type[BasePermission]:
    """Return a permission for who has this scope of our own application."""
    return require(rules.has_scope(scope))


def has_any_scope(*scopes: str) -> type[BasePermission]:
    """Return a permission for who has one of these scopes of our own application."""
    return require(rules.has_any_scope(*scopes))


def has_attribute(name: str, *values: str) -> type[BasePermission]:
    """Return a permission for whose attribute has one of these values, or any if none is named."""
    return require(rules.has_attribute(name, *values))
