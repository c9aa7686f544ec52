"""The only place where XML of others is parsed, hardened once for everything here.

UTF-8 only, so that what is looked at is what is parsed; no document type, hence no entities and nothing from elsewhere;
no comments and no processing instructions, which could cut a text in two; bounded in size, depth and number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lxml import etree

from entryway.saml.errors import SamlInvalid
from entryway.saml.names import PREFIXES, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# lxml brings no types; elements go in and out of this module, and the rest asks them for text and attributes only.
Element = Any

LARGEST = 512 * 1024
DEEPEST = 64
MOST_ELEMENTS = 20_000


def parse(content: bytes) -> Element:
    """Return the root of a message, or raise SamlInvalid."""
    root = _parse(content, without_comments=False)
    if any(not isinstance(node.tag, str) for node in root.iter()) or _has_siblings(root):
        raise SamlInvalid("the message holds a comment or a processing instruction")
    _check_ids(root)
    return root


def parse_metadata(content: bytes) -> Element:
    """Return the root of a metadata document; people comment these, and comments are dropped while parsing."""
    root = _parse(content, without_comments=True)
    _check_ids(root)
    return root


def serialize(element: Element) -> bytes:
    """Return the element alone, with the namespaces that it inherits."""
    return bytes(etree.tostring(element, encoding="utf-8", with_tail=False))


def alone(element: Element) -> Element:
    """Return a copy of an element that knows no document around it."""
    return _parse(serialize(element), without_comments=False)


def new(name: str, text: str | None = None, /, **attributes: str | None) -> Element:
    """Return a new element: `new("saml:Issuer", "…", Format="…")`; None leaves an attribute out."""
    element = etree.Element(qualified(name), nsmap={prefix: PREFIXES[prefix] for prefix in (name.partition(":")[0],)})
    for key, value in attributes.items():
        if value is not None:
            element.set(key, value)
    if text is not None:
        element.text = text
    return element


def with_children(element: Element, *children: Element | None) -> Element:
    """Return the element with these children added; None is left out."""
    element.extend(child for child in children if child is not None)
    return element


def children(element: Element, name: str) -> Sequence[Element]:
    """Return the direct children by this name."""
    return list(element.iterchildren(qualified(name)))


def child(element: Element, name: str) -> Element | None:
    """Return the only direct child by this name, None when there is none; several are refused."""
    found = children(element, name)
    if len(found) > 1:
        raise SamlInvalid(f"{name} stands there {len(found)} times")
    return found[0] if found else None


def required(element: Element, name: str) -> Element:
    """Return the only direct child by this name, or raise."""
    found = child(element, name)
    if found is None:
        raise SamlInvalid(f"{name} is missing")
    return found


def text_of(element: Element) -> str:
    """Return the whole text of an element that holds nothing else."""
    if len(element):
        raise SamlInvalid(f"{etree.QName(element).localname} holds elements where text belongs")
    return (element.text or "").strip()


def whole_text_of(element: Element) -> str:
    """Return all text in an element, whatever stands around its parts."""
    return "".join(element.itertext()).strip()


def attribute(element: Element, name: str) -> str:
    """Return an attribute, or raise when it is missing."""
    value = element.get(name)
    if not value:
        raise SamlInvalid(f"{etree.QName(element).localname} has no {name}")
    return str(value)


def is_named(element: Element, name: str) -> bool:
    """Say whether this is the element by that name."""
    return bool(element.tag == qualified(name))


def descendants(element: Element, *names: str) -> Iterator[Element]:
    """Return the element itself and everything in it that has one of these names."""
    found: Iterator[Element] = element.iter(*(qualified(name) for name in names))
    return found


def _parse(content: bytes, *, without_comments: bool) -> Element:
    if len(content) > LARGEST:
        raise SamlInvalid(f"the document has more than {LARGEST} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SamlInvalid("the document is not UTF-8") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise SamlInvalid("the document has a document type")
    # A parser keeps state between documents, so each gets its own. The encoding is said here because a declaration in
    # the document could name another than the one that was looked at above.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=without_comments,
        remove_pis=without_comments,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.LxmlError, ValueError) as error:
        raise SamlInvalid("the document is not well-formed XML") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise SamlInvalid("the document has a document type")
    _check_size(root)
    return root


def _check_size(root: Element) -> None:
    depth = number = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        number += event == "start"
        if depth > DEEPEST or number > MOST_ELEMENTS:
            raise SamlInvalid("the document is nested too deeply, or has too many elements")


def _has_siblings(root: Element) -> bool:
    return root.getprevious() is not None or root.getnext() is not None


def _check_ids(root: Element) -> None:
    seen: set[str] = set()
    for element in root.iter():
        for name in ("ID", "Id", "id"):
            value = element.get(name)
            if value is None:
                continue
            if value in seen:
                raise SamlInvalid("two elements have the same ID")
            seen.add(value)
