"""Cookies that only this host gets, over TLS only, and that no script can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.responses import Response


def set_cookie(response: Response, name: str, value: str) -> None:
    """Give the browser a cookie that ends with the browser."""
    response.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="lax")


def set_cross_site_cookie(response: Response, name: str, value: str) -> None:
    """Give the browser a cookie that also comes along when another site sends it here with a form."""
    response.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="none")


def clear_cookie(response: Response, name: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
