"""How a user is named between two parties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.saml import encryption, names, xml
from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entryway.saml.keys import KeyPair
    from entryway.saml.xml import Element

LONGEST = 255


@dataclass(frozen=True, slots=True)
class NameId:
    """A name with its format, and for whom it was made."""

    value: str
    format: str = names.UNSPECIFIED
    name_qualifier: str | None = None
    sp_name_qualifier: str | None = None


def build_name_id(name: NameId) -> Element:
    """Return the element."""
    return xml.new(
        "saml:NameID",
        name.value,
        Format=name.format,
        NameQualifier=name.name_qualifier,
        SPNameQualifier=name.sp_name_qualifier,
    )


def read_name_id(parent: Element, keys: Sequence[KeyPair] = ()) -> NameId:
    """Return the only NameID of an element that is signed, opened by one of our keys if it is encrypted, or raise."""
    element, encrypted = xml.child(parent, "saml:NameID"), xml.child(parent, "saml:EncryptedID")
    if element is None and encrypted is not None:
        element, encrypted = encryption.decrypt(encrypted, keys, is_protected=True), None
    if element is None or encrypted is not None or not xml.is_named(element, "saml:NameID"):
        raise SamlInvalid("there is not exactly one saml:NameID")
    value = xml.text_of(element)
    if not value or len(value) > LONGEST or not value.isprintable():
        raise SamlInvalid("the NameID is empty, too long or not printable")
    return NameId(
        value, element.get("Format", names.UNSPECIFIED), element.get("NameQualifier"), element.get("SPNameQualifier")
    )
