"""XML signatures: whoever verifies one gets back the element that was signed, and uses nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature as WrongSignature
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from entryway.saml import xml
from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

    from entryway.saml.keys import KeyPair
    from entryway.saml.xml import Element

_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_OLD_METHODS = frozenset({SignatureMethod.RSA_SHA1, SignatureMethod.ECDSA_SHA1})
_OLD_DIGESTS = frozenset({DigestAlgorithm.SHA1})


def sign(element: Element, key: KeyPair) -> Element:
    """Return a signed copy of an element that has an ID; the signature stands where the schema wants it."""
    unsigned = xml.alone(element)
    placeholder = xml.new("ds:Signature", Id="placeholder")
    issuer = xml.child(unsigned, "saml:Issuer")
    unsigned.insert(0 if issuer is None else unsigned.index(issuer) + 1, placeholder)
    signer = XMLSigner(
        signature_algorithm=SignatureMethod.RSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    return signer.sign(
        unsigned,
        key=key.private,
        cert=[key.certificate],
        reference_uri=f"#{xml.attribute(element, 'ID')}",
        id_attribute="ID",
    )


def is_signed(element: Element) -> bool:
    """Say whether an element carries a signature of its own."""
    return bool(xml.children(element, "ds:Signature"))


def verify(element: Element, certificates: Sequence[Certificate], *, allow_sha1: bool = False) -> Element:
    """Return what one of these keys has signed of this element, without the signature, or raise SamlInvalid.

    The element is judged alone: nothing outside it can be what the signature is about. Keys that come along in the
    signature are thrown away first, and how long a certificate is valid does not matter where the key is trusted.
    """
    _check_shape(xml.required(element, "ds:Signature"), xml.attribute(element, "ID"))
    candidate = xml.alone(element)
    for key_info in xml.children(xml.required(candidate, "ds:Signature"), "ds:KeyInfo"):
        key_info.getparent().remove(key_info)
    for certificate in certificates:
        config = SignatureConfiguration(
            location="./",
            expect_references=1,
            signature_methods=_METHODS | _OLD_METHODS if allow_sha1 else _METHODS,
            digest_algorithms=_DIGESTS | _OLD_DIGESTS if allow_sha1 else _DIGESTS,
            verification_time=certificate.not_valid_before_utc,
        )
        try:
            result = XMLVerifier().verify(candidate, x509_cert=certificate, id_attribute="ID", expect_config=config)
        except (
            SignXMLException,
            WrongSignature,
            UnsupportedAlgorithm,
            etree.LxmlError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
        ):
            continue
        signed = result.signed_xml if not isinstance(result, list) else None
        if signed is None or signed.tag != element.tag or signed.get("ID") != element.get("ID"):
            raise SamlInvalid("the signature is about something else")
        return signed
    raise SamlInvalid("no key of the metadata has signed this, or not by an accepted algorithm")


def _check_shape(signature: Element, element_id: str) -> None:
    """One reference, to the element around the signature, transformed in no way that could hide anything."""
    if xml.children(signature, "ds:Object"):
        raise SamlInvalid("the signature holds an object")
    info = xml.required(signature, "ds:SignedInfo")
    if xml.required(info, "ds:CanonicalizationMethod").get("Algorithm") != _EXCLUSIVE:
        raise SamlInvalid("the signature is not canonicalized exclusively")
    reference = xml.required(info, "ds:Reference")
    if reference.get("URI") != f"#{element_id}":
        raise SamlInvalid("the signature refers to another element than the one around it")
    transforms = xml.children(xml.required(reference, "ds:Transforms"), "ds:Transform")
    if [one.get("Algorithm") for one in transforms] != [_ENVELOPED, _EXCLUSIVE]:
        raise SamlInvalid("the signature transforms what it signs")
