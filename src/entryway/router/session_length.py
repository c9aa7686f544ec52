"""How long a session lasts without a request."""

from __future__ import annotations

from entryway.config.environment_model import RouterEnvironment
from entryway.config.xs_app_model import XsApp

DEFAULT_MINUTES = 15


def session_minutes(environment: RouterEnvironment, xs_app: XsApp) -> int:
    """Return the minutes: the environment wins over the file."""
    return environment.session_timeout_minutes or xs_app.session_timeout_minutes or DEFAULT_MINUTES
