"""What can go wrong on the way to the on-premise system, each with the status that our caller gets."""

from __future__ import annotations

from collections.abc import Mapping


class PriceChangeFailed(Exception):
    """The price was not changed; `origin` says who refused or failed."""

    status = 502
    title = "The price could not be changed"

    def __init__(self, origin: str, detail: str) -> None:
        super().__init__(f"{origin}: {detail}")
        self.origin = origin
        self.detail = detail


class SystemFailed(PriceChangeFailed):
    """A system behind us answered with something that we cannot use."""

    title = "A system behind this application failed"


class SystemUnreachable(PriceChangeFailed):
    """A system behind us cannot be reached at the moment."""

    status = 503
    title = "A system behind this application cannot be reached"


class RefusedOnPremise(PriceChangeFailed):
    """The on-premise system knows the user and says no."""

    status = 403
    title = "The on-premise system does not permit this"


class ProductUnknown(PriceChangeFailed):
    """There is no such product."""

    status = 404
    title = "This product does not exist"


class ChangedMeanwhile(PriceChangeFailed):
    """The product is not what the caller has seen."""

    status = 412
    title = "The product was changed meanwhile"


class NotAccepted(PriceChangeFailed):
    """The on-premise system does not take this price."""

    status = 422
    title = "The on-premise system does not accept this price"


# What an answer of the on-premise system means to our caller; everything else is a failure of ours.
MEANINGS: Mapping[int, type[PriceChangeFailed]] = {
    400: NotAccepted,
    403: RefusedOnPremise,
    404: ProductUnknown,
    412: ChangedMeanwhile,
}


def problem(error: PriceChangeFailed) -> dict[str, object]:
    """Return the problem document (RFC 9457) for a failure."""
    return {"title": error.title, "status": error.status, "detail": error.detail, "origin": error.origin}
