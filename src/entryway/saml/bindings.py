"""How messages travel through a browser: HTTP-Redirect with a signature of its own, HTTP-POST with one in the XML."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote_plus

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from entryway.saml import xml
from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hashes import HashAlgorithm
    from cryptography.x509 import Certificate

    from entryway.saml.keys import KeyPair
    from entryway.saml.xml import Element

Parameter = Literal["SAMLRequest", "SAMLResponse"]
LONGEST_RELAY_STATE = 2000
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_RSA_SHA256 = f"{_MORE}rsa-sha256"
_RSA: Mapping[str, HashAlgorithm] = {
    _RSA_SHA256: hashes.SHA256(),
    f"{_MORE}rsa-sha384": hashes.SHA384(),
    f"{_MORE}rsa-sha512": hashes.SHA512(),
}
_PSS_NAMES = "http://www.w3.org/2007/05/xmldsig-more#"
_PSS: Mapping[str, HashAlgorithm] = {
    f"{_PSS_NAMES}sha256-rsa-MGF1": hashes.SHA256(),
    f"{_PSS_NAMES}sha384-rsa-MGF1": hashes.SHA384(),
    f"{_PSS_NAMES}sha512-rsa-MGF1": hashes.SHA512(),
}
_ECDSA: Mapping[str, HashAlgorithm] = {
    f"{_MORE}ecdsa-sha256": hashes.SHA256(),
    f"{_MORE}ecdsa-sha384": hashes.SHA384(),
    f"{_MORE}ecdsa-sha512": hashes.SHA512(),
}
_RSA_SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came, not believed yet; of a redirect, also the text that is signed and its signature."""

    parameter: Parameter
    root: Element
    relay_state: str | None
    signed_text: bytes | None = None
    algorithm: str | None = None
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """A form that a browser sends on: where to, and its hidden fields."""

    action: str
    fields: Mapping[str, str]


def redirect_url(
    destination: str, parameter: Parameter, message: Element, relay_state: str | None, key: KeyPair | None
) -> str:
    """Return the address that carries a message; signed if there is a key."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = compressor.compress(xml.serialize(message)) + compressor.flush()
    query = f"{parameter}={_quoted(base64.b64encode(deflated).decode())}"
    if relay_state is not None:
        query += f"&RelayState={_quoted(relay_state)}"
    if key is not None:
        query += f"&SigAlg={_quoted(_RSA_SHA256)}"
        signature = key.private.sign(query.encode("ascii"), padding.PKCS1v15(), hashes.SHA256())
        query += f"&Signature={_quoted(base64.b64encode(signature).decode())}"
    return f"{destination}{'&' if '?' in destination else '?'}{query}"


def post_form(destination: str, parameter: Parameter, message: Element, relay_state: str | None) -> Form:
    """Return the form that carries a message, which is signed already."""
    fields = {str(parameter): base64.b64encode(xml.serialize(message)).decode()}
    if relay_state is not None:
        fields["RelayState"] = relay_state
    return Form(destination, fields)


def read_redirect(query: str) -> Received:
    """Return the message of a query string, raw as it came: its signature covers the encoded text."""
    raw: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name in {"SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding"}:
            if name in raw:
                raise SamlInvalid(f"{name} was sent twice")
            raw[name] = value
    parameter = _parameter(raw)
    if raw.get("SAMLEncoding", "") not in {"", quote("urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE", "")}:
        raise SamlInvalid("the message is encoded in another way than DEFLATE")
    covered = [parameter, *(name for name in ("RelayState", "SigAlg") if name in raw)]
    signature = _base64(unquote_plus(raw["Signature"])) if "Signature" in raw else None
    return Received(
        parameter=parameter,
        root=xml.parse(_inflated(_base64(unquote_plus(raw[parameter])))),
        relay_state=_relay_state(unquote_plus(raw["RelayState"]) if "RelayState" in raw else None),
        signed_text="&".join(f"{name}={raw[name]}" for name in covered).encode("utf-8"),
        algorithm=unquote_plus(raw["SigAlg"]) if "SigAlg" in raw else None,
        signature=signature,
    )


def read_post(form: Mapping[str, str]) -> Received:
    """Return the message of a form."""
    parameter = _parameter(form)
    return Received(parameter, xml.parse(_base64(form[parameter])), _relay_state(form.get("RelayState")))


def verify_redirect(received: Received, certificates: Sequence[Certificate], *, allow_sha1: bool = False) -> Element:
    """Return the message if one of these keys signed the address that carried it, or raise SamlInvalid."""
    if received.signed_text is None or received.signature is None or received.algorithm is None:
        raise SamlInvalid("the message is not signed")
    for certificate in certificates:
        if _verified(certificate, received.algorithm, received.signature, received.signed_text, allow_sha1=allow_sha1):
            return received.root
    raise SamlInvalid("no key of the metadata has signed the address, or not by an accepted algorithm")


def _verified(certificate: Certificate, algorithm: str, signature: bytes, text: bytes, *, allow_sha1: bool) -> bool:
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm in _PSS:
            chosen = _PSS[algorithm]
            key.verify(signature, text, padding.PSS(padding.MGF1(chosen), chosen.digest_size), chosen)
        elif isinstance(key, rsa.RSAPublicKey):
            # SHA-1 can be forged; an administrator has said that this provider cannot do better.
            old = {_RSA_SHA1: hashes.SHA1()} if allow_sha1 else {}  # noqa: S303
            key.verify(signature, text, padding.PKCS1v15(), {**_RSA, **old}[algorithm])
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(_in_asn1(signature, key), text, ec.ECDSA(_ECDSA[algorithm]))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, KeyError, ValueError):
        return False
    return True


def _in_asn1(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """Return an ECDSA signature as ASN.1: the algorithm's name means both numbers side by side, but some send ASN.1."""
    half = -(-key.key_size // 8)
    if len(signature) != 2 * half:
        return signature
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


def _parameter(fields: Mapping[str, str]) -> Parameter:
    found: list[Parameter] = [name for name in ("SAMLRequest", "SAMLResponse") if name in fields]
    if len(found) != 1:
        raise SamlInvalid("there is not exactly one SAMLRequest or SAMLResponse")
    return found[0]


def _relay_state(value: str | None) -> str | None:
    if value is not None and len(value) > LONGEST_RELAY_STATE:
        raise SamlInvalid("the RelayState is too long")
    return value


def _inflated(content: bytes) -> bytes:
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = decompressor.decompress(content, xml.LARGEST + 1)
    except zlib.error as error:
        raise SamlInvalid("the message is not deflated") from error
    if len(plain) > xml.LARGEST or decompressor.unconsumed_tail:
        raise SamlInvalid("the message is too large")
    return plain


def _base64(text: str) -> bytes:
    if len(text) > 2 * xml.LARGEST:
        raise SamlInvalid("the message is too large")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise SamlInvalid("the message is not base64") from error


def _quoted(text: str) -> str:
    return quote(text, safe="")
