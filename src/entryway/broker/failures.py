"""A request or an operation that failed, in the words that platforms read."""

from __future__ import annotations

from entryway.broker.errors import (
    BrokerRequestInvalid,
    Concurrency,
    Gone,
    InstanceConflict,
    Missing,
    VersionUnsupported,
)
from entryway.clients.access import PlatformRefused
from entryway.errors import EntrywayError, UpstreamError
from entryway.telemetry import get_logger

log = get_logger("broker")

_OURS = (BrokerRequestInvalid, Concurrency, Gone, InstanceConflict, Missing, VersionUnsupported)


def translated(error: Exception) -> EntrywayError:
    """Return the error as one that has a status and a code."""
    if isinstance(error, PlatformRefused) and error.answered not in {401, 403}:
        # The service behind us understood the parameters and refused them: the platform's user must learn why.
        return BrokerRequestInvalid(error.description)
    return error if isinstance(error, EntrywayError) else EntrywayError(type(error).__name__)


def content(failed: EntrywayError) -> dict[str, str]:
    """Return what the platform is told."""
    if isinstance(failed, _OURS):
        return {"error": failed.osb, "description": failed.detail}
    if isinstance(failed, UpstreamError):
        return {"error": "UpstreamFailed", "description": f"{failed.title}: {failed.origin}"}
    return {"description": failed.title}


def note(failed: EntrywayError, error: Exception) -> None:
    """Write to the log what failed: our own failures with where they come from."""
    if failed.status >= 500:
        log.error("broker_request_failed", code=failed.code, reason=failed.detail, exc_info=error)
    else:
        log.info("broker_request_refused", code=failed.code, reason=failed.detail)
