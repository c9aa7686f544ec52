"""Where httpx's failures become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from products_backend.errors import SystemFailed, SystemUnreachable


@contextmanager
def our_errors(origin: str) -> Iterator[None]:
    """Raise what httpx raises in our words."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise SystemUnreachable(origin, "took too long to answer") from error
    except httpx.HTTPError as error:
        raise SystemUnreachable(origin, "no connection") from error


def json_object(origin: str, response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of a good answer."""
    if response.status_code != 200:
        raise SystemFailed(origin, f"answered {response.status_code}")
    try:
        content = response.json()
    except ValueError as error:
        raise SystemFailed(origin, "answered something that is not JSON") from error
    if not isinstance(content, dict):
        raise SystemFailed(origin, "answered something that is not a JSON object")
    return content
