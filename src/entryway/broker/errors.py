"""What the broker answers when it cannot do as asked; `detail` of these is shown to the platform.

`osb` is the word that the Open Service Broker API has for the error, where it has one.
"""

from __future__ import annotations

from typing import ClassVar

from entryway.errors import BadRequest, Conflict, EntrywayError, NotFound


class BrokerRequestInvalid(BadRequest):
    """The request breaks a rule of the interface, or a service refuses its parameters."""

    osb: ClassVar[str] = "BadRequest"


class InstanceConflict(Conflict):
    """There is an instance or binding of this id already, and it is another."""

    osb: ClassVar[str] = "Conflict"


class Missing(NotFound):
    """There is no instance or binding of this id."""

    osb: ClassVar[str] = "NotFound"


class Gone(EntrywayError):
    """What should be deleted does not exist."""

    osb: ClassVar[str] = "Gone"
    code: ClassVar[str] = "gone"
    status: ClassVar[int] = 410
    title: ClassVar[str] = "It does not exist"


class Concurrency(EntrywayError):
    """Another request is at work on the same instance."""

    osb: ClassVar[str] = "ConcurrencyError"
    code: ClassVar[str] = "concurrency"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "Another request is at work on this instance"


class VersionUnsupported(EntrywayError):
    """The platform speaks a version of the interface that the broker does not."""

    osb: ClassVar[str] = "VersionUnsupported"
    code: ClassVar[str] = "version_unsupported"
    status: ClassVar[int] = 412
    title: ClassVar[str] = "This version of the Open Service Broker API is not supported; use 2.17"
