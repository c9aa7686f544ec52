"""What identity providers send that is unusual and valid."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree
from saml_partners import NOW, SP, answer, key, read
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from entryway.saml import bindings, encryption, moments, names, xml
from entryway.saml.errors import SamlInvalid
from entryway.saml.logout import LogoutRequest, build_request, read_request
from entryway.saml.subjects import NameId

Bend = Callable[[Any, Any], None]


@cache
def curve_key() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "curve")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + moments.SKEW)
    return private, builder.sign(private, hashes.SHA256())


def response_with_a_prefix() -> Any:
    """Return a response that is not signed, with a prefix that the assertion inherits."""
    plain = answer(sign_assertion=False, sign_response=False)
    return xml.parse(plain.replace(b"<samlp:Response ", f'<samlp:Response xmlns:xs="{names.SCHEMA}" '.encode(), 1))


def signed_by(method: SignatureMethod, digest: DigestAlgorithm, private: Any, certificate: x509.Certificate) -> bytes:
    """Return a response whose assertion is signed in this way."""
    root = response_with_a_prefix()
    assertion = xml.required(root, "saml:Assertion")
    assertion.insert(1, xml.new("ds:Signature", Id="placeholder"))
    signer = XMLSigner(
        signature_algorithm=method, digest_algorithm=digest, c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"
    )
    signed = signer.sign(assertion, key=private, cert=[certificate], reference_uri="#_assertion-1", id_attribute="ID")
    root.replace(assertion, signed)
    return xml.serialize(root)


@pytest.mark.parametrize("digest", [DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512])
@pytest.mark.parametrize(
    "method", ["RSA_SHA256", "RSA_SHA384", "RSA_SHA512", "SHA256_RSA_MGF1", "SHA384_RSA_MGF1", "SHA512_RSA_MGF1"]
)
def test_signatures_by_rsa(method: str, digest: DigestAlgorithm) -> None:
    content = signed_by(SignatureMethod[method], digest, key().private, key().certificate)
    assert read(content).name_id.value == "maria@example.com"
    with pytest.raises(SamlInvalid, match="no key of the metadata"):
        read(content.replace(b"buyers", b"admins"))


@pytest.mark.parametrize("method", ["ECDSA_SHA256", "ECDSA_SHA384", "ECDSA_SHA512"])
def test_signatures_by_elliptic_curves(method: str) -> None:
    content = signed_by(SignatureMethod[method], DigestAlgorithm.SHA256, *curve_key())
    assert read(content, certificates=[curve_key()[1]]).name_id.value == "maria@example.com"


SIGNED_INFO = """<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
<ds:Reference URI="#_assertion-1"><ds:Transforms>
<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces
 xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="xs"/></ds:Transform></ds:Transforms>
<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>{digest}</ds:DigestValue>
</ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>"""


def test_prefixes_that_a_signature_includes() -> None:
    """As much software signs that writes `xsi:type="xs:string"`: the prefix in the value is no name that is seen."""
    root = response_with_a_prefix()
    assertion = xml.alone(xml.required(root, "saml:Assertion"))
    digest = hashlib.sha256(etree.tostring(assertion, method="c14n", exclusive=True, inclusive_ns_prefixes=["xs"]))
    signature = etree.fromstring(SIGNED_INFO.format(digest=base64.b64encode(digest.digest()).decode()))
    signed = etree.tostring(signature[0], method="c14n", exclusive=True)
    signature[1].text = base64.b64encode(key().private.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode()
    assertion.insert(1, signature)
    root.replace(xml.required(root, "saml:Assertion"), assertion)
    content = xml.serialize(root)
    assert read(content).attributes["mail"] == ("maria@example.com",)
    with pytest.raises(SamlInvalid, match="no key of the metadata"):
        read(content.replace(names.SCHEMA.encode(), b"https://another.example"))


def with_attribute(*values: Any, **about: str) -> Bend:
    def bend(_response: Any, assertion: Any) -> None:
        attribute = xml.with_children(xml.new("saml:Attribute", **about), *values)
        xml.required(assertion, "saml:AttributeStatement").append(attribute)

    return bend


def typed(text: str, kind: str) -> Any:
    value = xml.new("saml:AttributeValue", text)
    value.set(names.qualified("xsi:type"), kind)
    return value


def nothing() -> Any:
    value = xml.new("saml:AttributeValue")
    value.set(names.qualified("xsi:nil"), "true")
    return value


MARIA = xml.new("saml:NameID", "maria", Format=names.PERSISTENT, NameQualifier="https://idp.example")


@pytest.mark.parametrize(
    ("values", "read_as"),
    [
        ([typed("4711", "xs:integer"), typed("true", "xs:boolean"), typed("a", "xs:anyType")], ("4711", "true", "a")),
        ([typed(" 2026-11-22T12:00:00Z\n", "xs:dateTime")], ("2026-11-22T12:00:00Z",)),
        ([xml.with_children(xml.new("saml:AttributeValue"), MARIA)], ("maria",)),
        ([nothing(), typed("b", "xs:string")], ("b",)),
        ([nothing()], ()),
        ([], ()),
    ],
)
def test_values_of_every_type(values: list[Any], read_as: tuple[str, ...]) -> None:
    about = {"Name": "urn:oid:1.3.6.1.4.1.5923.1.1.1.10", "FriendlyName": "mail"}
    assertion = read(answer(with_attribute(*values, **about)))
    assert assertion.attributes["urn:oid:1.3.6.1.4.1.5923.1.1.1.10"] == read_as
    # What people call it names nothing: SAML core 2.7.3.1.
    assert assertion.attributes["mail"] == ("maria@example.com",)


def test_an_attribute_in_two_parts() -> None:
    assertion = read(answer(with_attribute(typed("c", "xs:string"), Name="Groups")))
    assert assertion.attributes["Groups"] == ("buyers", "approvers", "c")


def test_one_audience_of_several() -> None:
    def bend(_response: Any, assertion: Any) -> None:
        restriction = next(xml.descendants(assertion, "saml:AudienceRestriction"))
        restriction.insert(0, xml.new("saml:Audience", "https://another.example"))

    assert read(answer(bend)).name_id.value == "maria@example.com"


def test_a_signature_around_all_of_it_and_none_inside_is_not_enough() -> None:
    with pytest.raises(SamlInvalid, match="Signature is missing"):
        read(answer(sign_assertion=False))


# ── encrypted names and attributes


def sealed(element: Any, name: str) -> Any:
    """Return an element encrypted for the service provider, in an element by this name."""
    holder = xml.new(name)
    holder.extend(list(encryption.encrypt(element, key("sp").certificate)))
    return holder


def encrypted_name(_response: Any, assertion: Any) -> None:
    subject = xml.required(assertion, "saml:Subject")
    element = xml.required(subject, "saml:NameID")
    subject.replace(element, sealed(element, "saml:EncryptedID"))


def encrypted_groups(_response: Any, assertion: Any) -> None:
    statement = xml.required(assertion, "saml:AttributeStatement")
    for one in xml.children(statement, "saml:Attribute"):
        statement.replace(one, sealed(one, "saml:EncryptedAttribute"))


def encrypted_both(response: Any, assertion: Any) -> None:
    encrypted_name(response, assertion)
    encrypted_groups(response, assertion)


@pytest.mark.parametrize("bend", [encrypted_name, encrypted_groups, encrypted_both])
def test_names_and_attributes_that_are_encrypted(bend: Bend) -> None:
    content = answer(bend)
    assertion = read(content)
    assert assertion.name_id == NameId("maria@example.com", names.EMAIL)
    assert assertion.attributes["Groups"] == ("buyers", "approvers")
    with pytest.raises(SamlInvalid, match="not encrypted for a key of ours"):
        read(content, keys=[key("spare")])


def test_what_was_encrypted_must_be_what_belongs_there() -> None:
    def name(_response: Any, assertion: Any) -> None:
        subject = xml.required(assertion, "saml:Subject")
        other = sealed(xml.new("saml:Issuer", "maria"), "saml:EncryptedID")
        subject.replace(xml.required(subject, "saml:NameID"), other)

    def two_names(_response: Any, assertion: Any) -> None:
        subject = xml.required(assertion, "saml:Subject")
        subject.append(sealed(xml.required(subject, "saml:NameID"), "saml:EncryptedID"))

    def attribute(_response: Any, assertion: Any) -> None:
        statement = xml.required(assertion, "saml:AttributeStatement")
        statement.append(sealed(xml.new("saml:NameID", "x"), "saml:EncryptedAttribute"))

    for bend, reason in ((name, "exactly one saml:NameID"), (two_names, "exactly one"), (attribute, "something else")):
        with pytest.raises(SamlInvalid, match=reason):
            read(answer(bend))


def test_a_logout_of_an_encrypted_name() -> None:
    asked = LogoutRequest("_logout-1", "https://idp.example/saml", NOW, None, NameId("maria", names.PERSISTENT))
    root = build_request(asked)
    element = xml.required(root, "saml:NameID")
    root.replace(element, sealed(element, "saml:EncryptedID"))
    assert read_request(root, location="https://x", now=NOW, keys=[key("sp")]) == asked
    with pytest.raises(SamlInvalid, match="not encrypted for a key of ours"):
        read_request(root, location="https://x", now=NOW)


# ── signatures of addresses


def query_signed(algorithm: str, made: Callable[[bytes], bytes], *, lower: bool = False, relay: str = "a/b c") -> str:
    message = base64.b64encode(_deflated(build_request(_logout()))).decode()
    parts = {"SAMLRequest": message, "RelayState": relay, "SigAlg": algorithm}
    query = "&".join(f"{name}={_quoted(value, lower=lower)}" for name, value in parts.items())
    return f"{query}&Signature={_quoted(base64.b64encode(made(query.encode())).decode(), lower=lower)}"


def _logout() -> LogoutRequest:
    return LogoutRequest("_logout-2", SP, NOW, None, NameId("maria"))


def _deflated(message: Any) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(etree.tostring(message)) + compressor.flush()


def _quoted(text: str, *, lower: bool) -> str:
    encoded = quote(text, safe="")
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), encoded) if lower else encoded


def by_pss(text: bytes) -> bytes:
    return key().private.sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def by_curve(text: bytes) -> bytes:
    return curve_key()[0].sign(text, ec.ECDSA(hashes.SHA256()))


def by_curve_side_by_side(text: bytes) -> bytes:
    return b"".join(number.to_bytes(32) for number in decode_dss_signature(by_curve(text)))


MORE = "http://www.w3.org/2001/04/xmldsig-more#"


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("relay", ["", "a/b c", "https://x.example/?a=b&c=%C3%BC", '{"json": [1]}'])
@pytest.mark.parametrize(
    ("algorithm", "made", "certificate"),
    [
        ("http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", by_pss, lambda: key().certificate),
        (f"{MORE}ecdsa-sha256", by_curve, lambda: curve_key()[1]),
        (f"{MORE}ecdsa-sha256", by_curve_side_by_side, lambda: curve_key()[1]),
    ],
)
def test_addresses_are_signed_as_they_were_written(
    algorithm: str, made: Callable[[bytes], bytes], certificate: Any, relay: str, *, lower: bool
) -> None:
    query = query_signed(algorithm, made, lower=lower, relay=relay)
    received = bindings.read_redirect(query)
    assert read_request(bindings.verify_redirect(received, [certificate()]), location="", now=NOW) == _logout()
    assert received.relay_state == relay
    changed = bindings.read_redirect(query.replace("RelayState=", "RelayState=x"))
    with pytest.raises(SamlInvalid, match="no key of the metadata"):
        bindings.verify_redirect(changed, [certificate()])
