"""Encrypted assertions (XML Encryption 1.1): AES in GCM, the key by RSA-OAEP; CBC only under a signature."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from entryway.saml import xml
from entryway.saml.errors import SamlInvalid
from entryway.saml.names import ENCRYPTION, ENCRYPTION_11, SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.hashes import HashAlgorithm
    from cryptography.x509 import Certificate

    from entryway.saml.keys import KeyPair
    from entryway.saml.xml import Element

_GCM = {f"{ENCRYPTION_11}aes128-gcm": 16, f"{ENCRYPTION_11}aes192-gcm": 24, f"{ENCRYPTION_11}aes256-gcm": 32}
_CBC = {f"{ENCRYPTION}aes128-cbc": 16, f"{ENCRYPTION}aes192-cbc": 24, f"{ENCRYPTION}aes256-cbc": 32}
_OAEP_SHA1_MASK = f"{ENCRYPTION}rsa-oaep-mgf1p"
_OAEP = f"{ENCRYPTION_11}rsa-oaep"
_DIGESTS: dict[str, HashAlgorithm] = {
    f"{SIGNATURE}sha1": hashes.SHA1(),  # noqa: S303 - OAEP needs no collision resistance, and it is the usual one
    f"{ENCRYPTION}sha256": hashes.SHA256(),
    "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384(),
    f"{ENCRYPTION}sha512": hashes.SHA512(),
}
_MASKS: dict[str, HashAlgorithm] = {
    f"{ENCRYPTION_11}mgf1sha1": hashes.SHA1(),  # noqa: S303 - as above
    f"{ENCRYPTION_11}mgf1sha256": hashes.SHA256(),
    f"{ENCRYPTION_11}mgf1sha384": hashes.SHA384(),
    f"{ENCRYPTION_11}mgf1sha512": hashes.SHA512(),
}
_NONCE, _BLOCK = 12, 16
_TYPE = f"{ENCRYPTION}Element"


def encrypt(assertion: Element, certificate: Certificate) -> Element:
    """Return `saml:EncryptedAssertion` for whoever has the key of this certificate."""
    public = certificate.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise SamlInvalid("assertions can be encrypted for an RSA key only")
    key, nonce = os.urandom(32), os.urandom(_NONCE)
    content = nonce + AESGCM(key).encrypt(nonce, xml.serialize(assertion), None)
    sealed = public.encrypt(key, _oaep(hashes.SHA1(), hashes.SHA1()))  # noqa: S303 - what every receiver understands
    encrypted_key = xml.with_children(
        xml.new("xenc:EncryptedKey"),
        xml.with_children(
            xml.new("xenc:EncryptionMethod", Algorithm=_OAEP_SHA1_MASK),
            xml.new("ds:DigestMethod", Algorithm=f"{SIGNATURE}sha1"),
        ),
        _cipher_data(sealed),
    )
    data = xml.with_children(
        xml.new("xenc:EncryptedData", Type=_TYPE),
        xml.new("xenc:EncryptionMethod", Algorithm=f"{ENCRYPTION_11}aes256-gcm"),
        xml.with_children(xml.new("ds:KeyInfo"), encrypted_key),
        _cipher_data(content),
    )
    return xml.with_children(xml.new("saml:EncryptedAssertion"), data)


def decrypt(encrypted: Element, keys: Sequence[KeyPair], *, is_protected: bool) -> Element:
    """Return the assertion; `is_protected` says that a valid signature covers the ciphertext, as CBC needs."""
    data = xml.required(encrypted, "xenc:EncryptedData")
    algorithm = xml.attribute(xml.required(data, "xenc:EncryptionMethod"), "Algorithm")
    if algorithm not in _GCM and algorithm not in _CBC:
        raise SamlInvalid("the assertion is encrypted by an algorithm that is not accepted")
    if algorithm in _CBC and not is_protected:
        # Who can change the ciphertext and watch what we say about it could read it.
        raise SamlInvalid("an assertion encrypted with AES-CBC needs a signature around it")
    key = _content_key(encrypted, data, keys, (_GCM | _CBC)[algorithm])
    content = _cipher_value(data)
    return xml.parse(_open_gcm(key, content) if algorithm in _GCM else _open_cbc(key, content))


def _content_key(encrypted: Element, data: Element, keys: Sequence[KeyPair], size: int) -> bytes:
    key_info = xml.child(data, "ds:KeyInfo")
    sealed = [
        *(xml.children(key_info, "xenc:EncryptedKey") if key_info is not None else ()),
        *xml.children(encrypted, "xenc:EncryptedKey"),
    ]
    if not 1 <= len(sealed) <= 2:
        raise SamlInvalid("the assertion comes without its key")
    for one in sealed:
        scheme, value = _scheme(xml.required(one, "xenc:EncryptionMethod")), _cipher_value(one)
        for pair in keys:
            try:
                key = pair.private.decrypt(value, scheme)
            except ValueError:
                continue
            if len(key) == size:
                return key
    raise SamlInvalid("the assertion is not encrypted for a key of ours")


def _scheme(method: Element) -> padding.OAEP:
    algorithm = xml.attribute(method, "Algorithm")
    if algorithm not in {_OAEP_SHA1_MASK, _OAEP} or xml.child(method, "xenc:OAEPparams") is not None:
        raise SamlInvalid("the key of the assertion is encrypted by an algorithm that is not accepted")
    digest, mask = xml.child(method, "ds:DigestMethod"), xml.child(method, "xenc11:MGF")
    try:
        return _oaep(
            _DIGESTS[f"{SIGNATURE}sha1" if digest is None else xml.attribute(digest, "Algorithm")],
            _MASKS[f"{ENCRYPTION_11}mgf1sha1" if mask is None else xml.attribute(mask, "Algorithm")],
        )
    except KeyError as error:
        raise SamlInvalid("the key of the assertion is encrypted by an algorithm that is not accepted") from error


def _oaep(digest: HashAlgorithm, mask: HashAlgorithm) -> padding.OAEP:
    return padding.OAEP(mgf=padding.MGF1(mask), algorithm=digest, label=None)


def _open_gcm(key: bytes, content: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(content[:_NONCE], content[_NONCE:], None)
    except (InvalidTag, ValueError) as error:
        raise SamlInvalid("the encrypted assertion has been changed") from error


def _open_cbc(key: bytes, content: bytes) -> bytes:
    if len(content) < 2 * _BLOCK or len(content) % _BLOCK:
        raise SamlInvalid("the encrypted assertion has been cut")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(content[:_BLOCK])).decryptor()
    plain = decryptor.update(content[_BLOCK:]) + decryptor.finalize()
    # XML Encryption pads with anything, and says in the last byte how much.
    if not 1 <= plain[-1] <= _BLOCK:
        raise SamlInvalid("the encrypted assertion has been changed")
    return plain[: -plain[-1]]


def _cipher_data(content: bytes) -> Element:
    value = xml.new("xenc:CipherValue", base64.b64encode(content).decode())
    return xml.with_children(xml.new("xenc:CipherData"), value)


def _cipher_value(element: Element) -> bytes:
    text = xml.text_of(xml.required(xml.required(element, "xenc:CipherData"), "xenc:CipherValue"))
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise SamlInvalid("the ciphertext is not base64") from error
