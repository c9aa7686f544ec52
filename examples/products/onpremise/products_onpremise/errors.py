"""What this system refuses, in the words of OData V2."""

from __future__ import annotations


class ODataError(Exception):
    """A refusal: `status` for HTTP, `code` and text for the error document."""

    status = 400
    code = "PRODUCTS/400"


class BadQuery(ODataError):
    """A query option or a body cannot be understood."""


class NotAuthenticated(ODataError):
    """No certificate names a user, or the certificate is not to be believed."""

    status = 401
    code = "PRODUCTS/401"


class NotPermitted(ODataError):
    """The user is known here and may not do this."""

    status = 403
    code = "PRODUCTS/403"


class CsrfTokenMissing(ODataError):
    """A change was asked for without the token that this system handed out."""

    status = 403
    code = "PRODUCTS/CSRF"


class NoSuchResource(ODataError):
    """The path names nothing here."""

    status = 404
    code = "PRODUCTS/404"


class MethodNotAllowed(ODataError):
    """The resource exists and cannot be used like this."""

    status = 405
    code = "PRODUCTS/405"


class ChangedMeanwhile(ODataError):
    """The entity is not the one that the caller has seen."""

    status = 412
    code = "PRODUCTS/412"


class TooLarge(ODataError):
    """The request has more to say than this system listens to."""

    status = 413
    code = "PRODUCTS/413"


class FormatNotSupported(ODataError):
    """Only JSON is spoken here."""

    status = 415
    code = "PRODUCTS/415"


class ConditionMissing(ODataError):
    """A change must say which version of the entity it means."""

    status = 428
    code = "PRODUCTS/428"


def document(error: ODataError) -> dict[str, object]:
    """Return the error document of OData V2."""
    return {"error": {"code": error.code, "message": {"lang": "en", "value": str(error)}, "innererror": {}}}
