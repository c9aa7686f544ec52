"""LogoutRequest and LogoutResponse: one side ends a login, the other says whether it did too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from entryway.saml import moments, names, xml
from entryway.saml.errors import SamlInvalid
from entryway.saml.requests import LIFETIME, check_message, issuer_of
from entryway.saml.subjects import NameId, build_name_id, read_name_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entryway.saml.keys import KeyPair
    from entryway.saml.xml import Element

_MOST_SESSIONS = 100


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """Whose sessions end; without a session index, all of them."""

    id: str
    issuer: str
    issued_at: datetime
    destination: str | None
    name_id: NameId
    session_indexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogoutResponse:
    """Whether they did."""

    id: str
    issuer: str
    issued_at: datetime
    destination: str | None
    in_response_to: str
    status: str = names.SUCCESS
    # The narrower status, where there is one.
    reason: str | None = None


def build_request(request: LogoutRequest) -> Element:
    """Return the request as an element without a signature."""
    element = xml.new(
        "samlp:LogoutRequest",
        ID=request.id,
        Version="2.0",
        IssueInstant=moments.write(request.issued_at),
        Destination=request.destination,
        NotOnOrAfter=moments.write(request.issued_at + LIFETIME),
    )
    return xml.with_children(
        element,
        xml.new("saml:Issuer", request.issuer),
        build_name_id(request.name_id),
        *(xml.new("samlp:SessionIndex", index) for index in request.session_indexes),
    )


def build_response(response: LogoutResponse) -> Element:
    """Return the response as an element without a signature."""
    element = xml.new(
        "samlp:LogoutResponse",
        ID=response.id,
        Version="2.0",
        IssueInstant=moments.write(response.issued_at),
        Destination=response.destination,
        InResponseTo=response.in_response_to,
    )
    narrower = xml.new("samlp:StatusCode", Value=response.reason) if response.reason is not None else None
    code = xml.with_children(xml.new("samlp:StatusCode", Value=response.status), narrower)
    status = xml.with_children(xml.new("samlp:Status"), code)
    return xml.with_children(element, xml.new("saml:Issuer", response.issuer), status)


def read_request(root: Element, *, location: str, now: datetime, keys: Sequence[KeyPair] = ()) -> LogoutRequest:
    """Return a request that came to `location`; whether its issuer signed it is for the caller to check."""
    check_message(root, "samlp:LogoutRequest", location=location, now=now)
    indexes = xml.children(root, "samlp:SessionIndex")
    if len(indexes) > _MOST_SESSIONS:
        raise SamlInvalid("the request names too many sessions")
    return LogoutRequest(
        id=xml.attribute(root, "ID"),
        issuer=issuer_of(root),
        issued_at=moments.read(xml.attribute(root, "IssueInstant")),
        destination=root.get("Destination"),
        name_id=read_name_id(root, keys),
        session_indexes=tuple(xml.text_of(index) for index in indexes),
    )


def read_response(root: Element, *, location: str, now: datetime) -> LogoutResponse:
    """Return a response that came to `location`; whether its issuer signed it is for the caller to check."""
    check_message(root, "samlp:LogoutResponse", location=location, now=now)
    return LogoutResponse(
        id=xml.attribute(root, "ID"),
        issuer=issuer_of(root),
        issued_at=moments.read(xml.attribute(root, "IssueInstant")),
        destination=root.get("Destination"),
        in_response_to=xml.attribute(root, "InResponseTo"),
        status=xml.attribute(xml.required(xml.required(root, "samlp:Status"), "samlp:StatusCode"), "Value"),
    )
