"""An identity provider and a service provider for tests: their keys, and responses that can be bent before signing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from entryway.saml import issuing, names, response, xml
from entryway.saml.assertion import Assertion, Expected
from entryway.saml.issuing import AssertionDraft
from entryway.saml.keys import KeyPair, new_key_pair
from entryway.saml.signature import sign
from entryway.saml.subjects import NameId

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
IDP = "https://idp.example/saml"
SP = "acme.localhost"
ACS = "https://localhost:8443/saml/SSO/alias/acme.localhost"
REQUEST = "_request-1"


@cache
def key(name: str = "idp") -> KeyPair:
    return new_key_pair(name, NOW - timedelta(days=1))


def expected(**changes: Any) -> Expected:
    usual = Expected(
        issuer=IDP,
        certificates=[key().certificate],
        recipient=ACS,
        audiences=frozenset({SP}),
        request_id=REQUEST,
        keys=[key("sp")],
    )
    return replace(usual, **changes)


def draft(**changes: Any) -> AssertionDraft:
    usual = AssertionDraft(
        id="_assertion-1",
        issuer=IDP,
        recipient=ACS,
        audience=SP,
        in_response_to=REQUEST,
        name_id=NameId("maria@example.com", names.EMAIL),
        issued_at=NOW,
        authenticated_at=NOW,
        session_index="_session-1",
        session_ends_at=NOW + timedelta(hours=8),
        attributes={"mail": ["maria@example.com"], "Groups": ["buyers", "approvers"]},
    )
    return replace(usual, **changes)


def answer(
    bend: Callable[[Any, Any], None] = lambda response, assertion: None,
    *,
    sign_assertion: bool = True,
    sign_response: bool = True,
    signer: KeyPair | None = None,
    **changes: Any,
) -> bytes:
    """Return a response; `bend` changes response and assertion before they are signed (again)."""
    signer = signer or key()
    root = issuing.build_response("_response-1", draft(**changes), key())
    assertion = xml.required(root, "saml:Assertion")
    for element in (root, assertion):
        element.remove(xml.required(element, "ds:Signature"))
    bend(root, assertion)
    if sign_assertion:
        root.replace(assertion, sign(assertion, signer))
    return xml.serialize(sign(root, signer) if sign_response else root)


def read(content: bytes, **changes: Any) -> Assertion:
    return response.read(xml.parse(content), expected(**changes), NOW)
