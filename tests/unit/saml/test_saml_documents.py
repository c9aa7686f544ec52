"""XML of others, metadata, requests, logout, bindings and encryption: both directions, and what is refused."""

from __future__ import annotations

import base64
import os
import re
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st
from saml_partners import ACS, IDP, NOW, SP, answer, draft, expected, key, read

from entryway.saml import (
    bindings,
    encryption,
    issuing,
    logout,
    metadata,
    names,
    own_metadata,
    requests,
    response,
    signature,
    xml,
)
from entryway.saml.errors import SamlInvalid
from entryway.saml.logout import LogoutRequest, LogoutResponse
from entryway.saml.own_metadata import OwnIdentityProvider, OwnServiceProvider
from entryway.saml.requests import AuthnRequest
from entryway.saml.subjects import NameId

BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>"""
EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
HOSTILE = {
    "entities": (BOMB.encode(), "document type"),
    "external entity": (EXTERNAL.encode(), "document type"),
    "parameter entity": (b'<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1/e"> %e;]><x/>', "document type"),
    "external document type": (b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>', "document type"),
    "hidden by an encoding": (BOMB.encode("utf-16"), "UTF-8"),
    "hidden by a declared encoding": (
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4-<x/>',
        "well-formed",
    ),
    "comment": (b"<x><!-- c --></x>", "comment"),
    "comment before": (b"<!-- c --><x/>", "comment"),
    "processing instruction": (b"<x><?php 1 ?></x>", "processing instruction"),
    "depth": (b"<x>" * 65 + b"</x>" * 65, "nested too deeply"),
    "number": (b"<x>" + b"<y/>" * 20_001 + b"</x>", "too many elements"),
    "size": (b"<x>" + b" " * xml.LARGEST + b"</x>", "bytes"),
    "two roots": (b"<x/><x/>", "well-formed"),
    "nothing": (b"", "well-formed"),
    "not XML": (b"SAMLResponse", "well-formed"),
    "one ID twice": (b'<x ID="a"><y ID="a"/></x>', "same ID"),
    "one ID twice, spelt otherwise": (b'<x ID="a"><y Id="a"/></x>', "same ID"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused(name: str) -> None:
    content, reason = HOSTILE[name]

    with pytest.raises(SamlInvalid, match=reason):
        xml.parse(content)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_refused(content: bytes) -> None:
    try:
        xml.parse(content)
    except SamlInvalid:
        return


# ── metadata ──────────────────────────────────────────────────────────────────────────────────────────────────────────

SSO = {names.HTTP_REDIRECT: "https://idp.example/sso", names.HTTP_POST: "https://idp.example/sso"}


def idp_document(**changes: Any) -> str:
    own = OwnIdentityProvider(IDP, SSO, {names.HTTP_REDIRECT: "https://idp.example/slo"}, [key(), key("spare")])
    return own_metadata.identity_provider_document(replace(own, **changes)).decode()


def sp_document() -> str:
    own = OwnServiceProvider(
        SP, ACS, "https://x.example/oauth/token/alias/a", {names.HTTP_POST: ACS + "/slo"}, [key("sp"), key("spare")]
    )
    return own_metadata.service_provider_document(own).decode()


def test_what_we_publish_as_identity_provider_is_what_a_service_provider_reads() -> None:
    read_back = metadata.read_identity_provider(idp_document(), NOW, trusted=key().certificate)

    assert read_back.entity.entity_id == IDP
    assert list(read_back.entity.signing) == [key().certificate, key("spare").certificate]
    assert read_back.single_sign_on[names.HTTP_REDIRECT].location == "https://idp.example/sso"
    assert read_back.entity.single_logout[names.HTTP_REDIRECT].location == "https://idp.example/slo"


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        ([], None),
        ([names.X509_SUBJECT], None),
        ([names.X509_SUBJECT, names.PERSISTENT, names.EMAIL], names.PERSISTENT),
        ([names.EMAIL, names.UNSPECIFIED], None),
    ],
)
def test_which_format_of_names_a_service_provider_wants(named: list[str], wanted: str | None) -> None:
    document = re.sub(r"<md:NameIDFormat>[^<]*</md:NameIDFormat>", "", sp_document())
    formats = "".join(f"<md:NameIDFormat>{one}</md:NameIDFormat>" for one in named)
    document = document.replace("<md:AssertionConsumerService", formats + "<md:AssertionConsumerService", 1)

    read_back = metadata.read_service_provider(document, NOW)

    assert read_back.name_id_format(names.PROVIDED_NAME_ID_FORMATS) == wanted


def test_what_we_publish_as_service_provider_is_what_an_identity_provider_reads() -> None:
    read_back = metadata.read_service_provider(sp_document(), NOW, trusted=key("sp").certificate)

    assert read_back.entity.entity_id == SP
    assert list(read_back.entity.encryption) == [key("sp").certificate]
    assert read_back.wants_assertions_signed
    assert read_back.signs_requests
    assert read_back.consumer(location=None, index=None).location == ACS
    assert read_back.consumer(location=ACS, index=None).location == ACS
    with pytest.raises(SamlInvalid, match="not in the metadata"):
        read_back.consumer(location=ACS + "x", index=None)
    with pytest.raises(SamlInvalid, match="not in the metadata"):
        read_back.consumer(location=None, index=7)


def test_metadata_signed_by_somebody_else_is_refused_where_a_signer_is_named() -> None:
    with pytest.raises(SamlInvalid, match="no key of the metadata"):
        metadata.read_identity_provider(idp_document(), NOW, trusted=key("attacker").certificate)
    changed = idp_document().replace("https://idp.example/sso", "https://evil.example/sso")
    with pytest.raises(SamlInvalid, match="no key of the metadata"):
        metadata.read_identity_provider(changed, NOW, trusted=key().certificate)


WRONG_METADATA = {
    "another role": (lambda text: text.replace("IDPSSODescriptor", "SPSSODescriptor"), "IDPSSODescriptor"),
    "SAML 1": (lambda text: text.replace("SAML:2.0:protocol", "SAML:1.1:protocol"), "0 IDPSSODescriptor"),
    "over": (lambda text: text.replace("entityID=", 'validUntil="2026-11-22T11:59:59Z" entityID=', 1), "valid until"),
    "script": (lambda text: text.replace("https://idp.example/sso", "javascript:alert(1)"), "address of the web"),
    "no address": (lambda text: text.replace("https://idp.example/sso", "/sso"), "address of the web"),
    "no login": (lambda text: text.replace("SingleSignOnService", "ArtifactResolutionService"), "SingleSignOnService"),
    "key": (lambda text: text.replace("<ds:X509Certificate>", "<ds:X509Certificate>AAAA"), "cannot be read"),
    "no key": (lambda text: text.replace("KeyDescriptor", "KeyDescription"), "no key for signatures"),
}


@pytest.mark.parametrize("name", WRONG_METADATA)
def test_metadata_that_cannot_be_used_is_refused(name: str) -> None:
    change, reason = WRONG_METADATA[name]

    with pytest.raises(SamlInvalid, match=reason):
        metadata.read_identity_provider(change(idp_document()), NOW)


def test_comments_in_metadata_are_passed_over() -> None:
    text = idp_document().replace("<md:NameIDFormat>", "<!-- ours --><md:NameIDFormat>", 1)

    assert metadata.read_identity_provider(text, NOW).entity.entity_id == IDP


# ── requests and logout ───────────────────────────────────────────────────────────────────────────────────────────────

REQUEST = AuthnRequest(
    id="_r1",
    issuer=SP,
    issued_at=NOW,
    destination="https://idp.example/sso",
    consumer=ACS,
    name_id_format=names.EMAIL,
    authn_contexts=(names.PASSWORD_CONTEXT,),
    is_forced=True,
)
LOCATION = "https://idp.example/sso"


def sent(request: AuthnRequest) -> Any:
    return xml.parse(xml.serialize(requests.build(request)))


def test_a_request_is_read_as_it_was_built() -> None:
    assert requests.read(sent(REQUEST), location=LOCATION, now=NOW) == REQUEST
    other = replace(REQUEST, consumer=None, consumer_index=0, is_forced=False, is_passive=True, subject="maria")
    assert requests.read(sent(other), location=LOCATION, now=NOW) == other


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"destination": "https://other.example"}, "another address"),
        ({"issued_at": NOW - timedelta(minutes=16)}, "too old"),
        ({"issued_at": NOW + timedelta(minutes=2)}, "future"),
        ({"id": "_" * 300}, "ID is too long"),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SamlInvalid, match=reason):
        requests.read(sent(replace(REQUEST, **changes)), location=LOCATION, now=NOW)


def test_logout_is_read_as_it_was_built() -> None:
    asked = LogoutRequest("_l1", IDP, NOW, ACS, NameId("maria", names.PERSISTENT, "q", "s"), ("_s1", "_s2"))
    told = LogoutResponse("_l2", SP, NOW, LOCATION, "_l1", names.PARTIAL_LOGOUT)

    assert logout.read_request(xml.parse(xml.serialize(logout.build_request(asked))), location=ACS, now=NOW) == asked
    assert (
        logout.read_response(xml.parse(xml.serialize(logout.build_response(told))), location=LOCATION, now=NOW) == told
    )
    with pytest.raises(SamlInvalid, match="no LogoutRequest"):
        logout.read_request(logout.build_response(told), location=LOCATION, now=NOW)


# ── bindings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def redirected(relay_state: str | None = "a b&c=ü", **changes: Any) -> str:
    signer = changes.pop("signer", key("sp"))
    url = bindings.redirect_url(LOCATION, "SAMLRequest", requests.build(REQUEST), relay_state, signer)
    return urlsplit(url).query


def test_a_signed_redirect_is_believed_for_the_right_key_only() -> None:
    received = bindings.read_redirect(redirected())

    root = bindings.verify_redirect(received, [key("spare").certificate, key("sp").certificate])
    assert requests.read(root, location=LOCATION, now=NOW) == REQUEST
    assert received.relay_state == "a b&c=ü"
    with pytest.raises(SamlInvalid, match="no key of the metadata"):
        bindings.verify_redirect(received, [key().certificate])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda query: query.replace("RelayState=a", "RelayState=x"), "no key of the metadata"),
        (lambda query: query.replace("rsa-sha256", "rsa-sha1"), "no key of the metadata"),
        (lambda query: query.partition("&SigAlg")[0], "not signed"),
        (lambda query: query + "&SAMLRequest=AAAA", "sent twice"),
        (lambda query: query + "&SAMLResponse=AAAA", "not exactly one"),
        (lambda query: query + "&RelayState=x", "sent twice"),
        (lambda query: query.replace("SAMLRequest=", "SAMLRequest=%00"), "not base64"),
        (lambda query: "RelayState=x", "not exactly one"),
    ],
)
def test_a_changed_redirect_is_refused(change: Any, reason: str) -> None:
    with pytest.raises(SamlInvalid, match=reason):
        bindings.verify_redirect(bindings.read_redirect(change(redirected())), [key("sp").certificate])


def test_a_redirect_that_grows_when_inflated_is_refused() -> None:
    compressor = zlib.compressobj(wbits=-15)
    bomb = compressor.compress(b"<x>" + b" " * 10_000_000) + compressor.flush()
    with pytest.raises(SamlInvalid, match="too large"):
        bindings.read_redirect("SAMLRequest=" + quote(base64.b64encode(bomb).decode(), safe=""))


def test_a_form_carries_a_message_back() -> None:
    message = signature.sign(requests.build(REQUEST), key("sp"))
    form = bindings.post_form(LOCATION, "SAMLRequest", message, "relay")

    received = bindings.read_post(form.fields)
    assert received.relay_state == "relay"
    assert (
        requests.read(signature.verify(received.root, [key("sp").certificate]), location=LOCATION, now=NOW) == REQUEST
    )
    with pytest.raises(SamlInvalid, match="RelayState is too long"):
        bindings.read_post({**form.fields, "RelayState": "x" * 2001})


# ── encryption ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_encrypted_assertion_is_opened_by_either_key_of_ours() -> None:
    response = issuing.build_response("_r", draft(), key(), encrypt_for=key("sp").certificate)

    assert b"maria" not in xml.serialize(response)
    assert read(xml.serialize(response)).name_id.value == "maria@example.com"
    assert read(xml.serialize(response), keys=[key("spare"), key("sp")]).name_id.value == "maria@example.com"
    with pytest.raises(SamlInvalid, match="not encrypted for a key of ours"):
        read(xml.serialize(response), keys=[key("spare")])


def test_an_encrypted_assertion_must_be_signed_inside() -> None:
    response = issuing.build_response("_r", draft(), key())
    assertion = xml.required(response, "saml:Assertion")
    for element in (response, assertion):
        element.remove(xml.required(element, "ds:Signature"))

    response.replace(assertion, encryption.encrypt(assertion, key("sp").certificate))
    with pytest.raises(SamlInvalid, match="Signature is missing"):
        read(xml.serialize(signature.sign(response, key())))


def test_a_changed_ciphertext_is_refused() -> None:

    sealed = encryption.encrypt(issuing.build_assertion(draft(), key()), key("sp").certificate)
    value = list(xml.descendants(sealed, "xenc:CipherValue"))[-1]
    content = bytearray(base64.b64decode(value.text))
    content[-1] ^= 1
    value.text = base64.b64encode(bytes(content)).decode()

    with pytest.raises(SamlInvalid, match="has been changed"):
        encryption.decrypt(sealed, [key("sp")], is_protected=True)


def by_cbc(response: Any, assertion: Any) -> None:
    """Encrypt the signed assertion as older software does."""

    signed = signature.sign(assertion, key())
    sealed = encryption.encrypt(signed, key("sp").certificate)
    secret, start = os.urandom(16), os.urandom(16)
    plain = xml.serialize(signed)
    plain += bytes(15 - len(plain) % 16) + bytes([16 - len(plain) % 16])
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(start)).encryptor()
    values = list(xml.descendants(sealed, "xenc:CipherValue"))
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    wrapped = key("sp").certificate.public_key().encrypt(secret, oaep)  # type: ignore[union-attr,call-arg]
    values[0].text = base64.b64encode(wrapped).decode()
    values[-1].text = base64.b64encode(start + encryptor.update(plain) + encryptor.finalize()).decode()
    method = xml.required(xml.required(sealed, "xenc:EncryptedData"), "xenc:EncryptionMethod")
    method.set("Algorithm", f"{names.ENCRYPTION}aes128-cbc")
    response.replace(assertion, sealed)


def test_cbc_is_opened_under_a_valid_signature_only() -> None:
    assert read(answer(by_cbc, sign_assertion=False)).name_id.value == "maria@example.com"
    with pytest.raises(SamlInvalid, match="AES-CBC needs a signature"):
        read(answer(by_cbc, sign_assertion=False, sign_response=False))


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("xenc:EncryptedData", f"{names.ENCRYPTION}tripledes-cbc"), ("xenc:EncryptedKey", f"{names.ENCRYPTION}rsa-1_5")],
)
def test_weak_algorithms_are_refused(name: str, algorithm: str) -> None:

    sealed = encryption.encrypt(issuing.build_assertion(draft(), key()), key("sp").certificate)
    xml.required(next(xml.descendants(sealed, name)), "xenc:EncryptionMethod").set("Algorithm", algorithm)

    with pytest.raises(SamlInvalid, match="not accepted"):
        encryption.decrypt(sealed, [key("sp")], is_protected=True)


# ── signatures ────────────────────────────────────────────────────────────────────────────────────────────────────────

SHAPES = {
    "reference elsewhere": ("ds:Reference", "URI", "#_other", "another element"),
    "reference to everything": ("ds:Reference", "URI", "", "another element"),
    "inclusive": (
        "ds:CanonicalizationMethod",
        "Algorithm",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "exclusively",
    ),
    "transform": ("ds:Transform", "Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116", "transforms"),
    "HMAC": ("ds:SignatureMethod", "Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "no key"),
    "SHA-1": ("ds:SignatureMethod", "Algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1", "no key"),
    "digest": ("ds:DigestMethod", "Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1", "no key"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_signature_of_another_shape_is_refused(name: str) -> None:
    element, attribute, value, reason = SHAPES[name]
    assertion = issuing.build_assertion(draft(), key())
    next(xml.descendants(assertion, element)).set(attribute, value)

    with pytest.raises(SamlInvalid, match=reason):
        signature.verify(assertion, [key().certificate])


def test_two_references_are_refused() -> None:
    assertion = issuing.build_assertion(draft(), key())
    info = next(xml.descendants(assertion, "ds:SignedInfo"))
    info.append(xml.new("ds:Reference", URI="#_other"))

    with pytest.raises(SamlInvalid, match="stands there 2 times"):
        signature.verify(assertion, [key().certificate])


def test_a_bearer_assertion_stands_alone_and_answers_nobody() -> None:

    content = issuing.build_assertion(draft(in_response_to=None), key())
    alone = xml.parse(xml.serialize(content))
    assert response.read_bearer(alone, expected(request_id=None), NOW).name_id.value == "maria@example.com"
    with pytest.raises(SamlInvalid, match="InResponseToField"):
        response.read_bearer(issuing.build_assertion(draft(), key()), expected(request_id=None), NOW)
    with pytest.raises(SamlInvalid, match="no Assertion"):
        response.read_bearer(xml.parse(answer()), expected(request_id=None), NOW)
