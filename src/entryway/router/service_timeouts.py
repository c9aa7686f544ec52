"""How long the router waits for the services that it asks by itself, as the configuration says."""

from __future__ import annotations

from entryway.clients.http import Timeouts
from entryway.router.configuration import RouterConfiguration

DEFAULTS_MS = {"xsuaa": 10_000, "identity": 30_000}


def service_timeout(configuration: RouterConfiguration, service: str) -> Timeouts | None:
    """Return the time-out for calls of a service, or None if those of the HTTP client are meant; 0 is no time-out."""
    # The environment can be changed where the application runs; the file comes with it.
    chosen = {**DEFAULTS_MS, **configuration.xs_app.timeouts_ms, **configuration.environment.outgoing_timeouts_ms}
    milliseconds = chosen.get(service)
    if milliseconds is None:
        return None
    seconds = milliseconds / 1000 or None
    return Timeouts(connect=seconds, read=seconds, pool=seconds)
