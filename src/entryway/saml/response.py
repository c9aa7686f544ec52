"""A Response of an identity provider, read: signatures first, then only what they cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.saml import assertion, encryption, moments, names, signature, xml
from entryway.saml.errors import InteractionNeeded, SamlInvalid
from entryway.saml.requests import LONGEST_ID, issuer_of

if TYPE_CHECKING:
    from datetime import datetime

    from entryway.saml.assertion import Assertion, Expected
    from entryway.saml.xml import Element

_ALLOWED = (
    "saml:Issuer",
    "ds:Signature",
    "samlp:Extensions",
    "samlp:Status",
    "saml:Assertion",
    "saml:EncryptedAssertion",
)
_LONGEST_REASON = 500


def read(root: Element, expected: Expected, now: datetime) -> Assertion:
    """Return the assertion of a response to us, or raise SamlInvalid."""
    _check_shape(root)
    protected = signature.is_signed(root)
    if protected:
        root = signature.verify(root, expected.certificates, allow_sha1=expected.allow_sha1)
        _check_shape(root)
    _check_envelope(root, expected, now, is_protected=protected)
    _check_status(root)
    return assertion.read(_signed_assertion(root, expected, is_protected=protected), expected, now)


def read_bearer(root: Element, expected: Expected, now: datetime) -> Assertion:
    """Return an assertion that stands alone, as a client presents it to the token endpoint (RFC 7522)."""
    if len(list(xml.descendants(root, "saml:Assertion", "saml:EncryptedAssertion"))) != 1:
        raise SamlInvalid("there is not exactly one assertion")
    if not xml.is_named(root, "saml:Assertion"):
        raise SamlInvalid("this is no Assertion of SAML 2.0")
    return assertion.read(signature.verify(root, expected.certificates, allow_sha1=expected.allow_sha1), expected, now)


def in_response_to(root: Element) -> str | None:
    """Return the ID of the request that a response claims to answer, without believing it."""
    claimed: str | None = root.get("InResponseTo")
    return claimed


def _check_shape(root: Element) -> None:
    """One Response with one assertion in its place: everything that wraps or moves one is refused before it is read."""
    if not xml.is_named(root, "samlp:Response") or root.get("Version") != "2.0":
        raise SamlInvalid("this is no Response of SAML 2.0")
    if any(not any(xml.is_named(one, name) for name in _ALLOWED) for one in root):
        raise SamlInvalid("the Response holds something that does not belong there")
    direct = [*xml.children(root, "saml:Assertion"), *xml.children(root, "saml:EncryptedAssertion")]
    anywhere = list(xml.descendants(root, "saml:Assertion", "saml:EncryptedAssertion"))
    if len(direct) > 1 or len(anywhere) != len(direct) or len(list(xml.descendants(root, "samlp:Response"))) != 1:
        raise SamlInvalid("the Response holds more than one assertion, or one in a wrong place")


def _check_envelope(root: Element, expected: Expected, now: datetime, *, is_protected: bool) -> None:
    if len(xml.attribute(root, "ID")) > LONGEST_ID:
        raise SamlInvalid("the ID is too long")
    if root.get("Destination") != expected.recipient:
        raise SamlInvalid("the Response was sent to another address")
    if root.get("InResponseTo") != expected.request_id:
        raise SamlInvalid(
            f"InResponseToField of Response doesn't correspond to sent message {expected.request_id or '(none)'}"
        )
    if xml.child(root, "saml:Issuer") is not None:
        if issuer_of(root) != expected.issuer:
            raise SamlInvalid("the Response is of another issuer")
    elif is_protected or xml.child(root, "saml:EncryptedAssertion") is not None:
        # SAML profiles §4.1.4.2: who signs it or encrypts something in it must say who they are.
        raise SamlInvalid("the Response names no issuer")
    issued_at = moments.read(xml.attribute(root, "IssueInstant"))
    if abs(now - issued_at) > moments.SKEW:
        raise SamlInvalid(
            "Response issue time is either too old or with date in the future. "
            f"Sync IdP to match skew {int(moments.SKEW.total_seconds())}"
        )


def _check_status(root: Element) -> None:
    status = xml.required(root, "samlp:Status")
    code = xml.required(status, "samlp:StatusCode")
    if code.get("Value") == names.SUCCESS:
        return
    codes = [one.get("Value", "") for one in xml.descendants(code, "samlp:StatusCode")]
    message = xml.child(status, "samlp:StatusMessage")
    text = "" if message is None else xml.text_of(message)
    kind = InteractionNeeded if names.NO_PASSIVE in codes else SamlInvalid
    raise kind(f"the identity provider answered {' / '.join(codes)} {text}"[:_LONGEST_REASON].strip())


def _signed_assertion(root: Element, expected: Expected, *, is_protected: bool) -> Element:
    found = xml.child(root, "saml:Assertion")
    if found is None:
        encrypted = xml.child(root, "saml:EncryptedAssertion")
        if encrypted is None:
            raise SamlInvalid("the Response holds no assertion")
        found = encryption.decrypt(encrypted, expected.keys, is_protected=is_protected)
        if not xml.is_named(found, "saml:Assertion"):
            raise SamlInvalid("something else than an assertion was encrypted")
    return signature.verify(found, expected.certificates, allow_sha1=expected.allow_sha1)
