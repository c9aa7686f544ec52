"""What the destination service answers when it cannot do as asked; `detail` of these may be shown to the caller."""

from __future__ import annotations

from typing import ClassVar

from entryway.errors import BadRequest, Conflict, EntrywayError, NotFound

# Clients compare this text, letter by letter, to tell a missing destination from a wrong address.
NOT_FOUND = "Configuration with the specified name was not found"


class InvalidRequest(BadRequest):
    """The request breaks a rule of the interface, which `detail` names."""


class DestinationMissing(NotFound):
    """There is no destination of this name on the levels that were asked."""

    def __init__(self, name: str) -> None:
        super().__init__(NOT_FOUND)
        self.name = name


class DestinationExists(Conflict):
    """There is a destination of this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"A destination with the name {name} exists already")
        self.name = name


class PreconditionFailed(EntrywayError):
    """The destination is not the one that the caller has seen."""

    code: ClassVar[str] = "precondition_failed"
    status: ClassVar[int] = 412
    title: ClassVar[str] = "The destination has changed"


class TokenFailure(EntrywayError):
    """No token could be had for a destination; told within the answer, which is a success all the same."""

    code: ClassVar[str] = "token_failure"
    status: ClassVar[int] = 502
    title: ClassVar[str] = "A token could not be retrieved"
