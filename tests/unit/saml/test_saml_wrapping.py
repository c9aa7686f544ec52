"""Signature wrapping: the eight classic ways (XSW1 to XSW8) to smuggle an unsigned assertion beside a signed one."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from saml_partners import answer, key, read

from entryway.saml import signature, xml
from entryway.saml.errors import SamlInvalid


def evil(element: Any, *, new_id: str) -> Any:
    """Return a copy that says what the attacker wants, without a signature."""
    copy = deepcopy(element)
    copy.set("ID", new_id)
    for name in [*xml.descendants(copy, "saml:NameID")]:
        name.text = "admin@example.com"
    for one in xml.children(copy, "ds:Signature"):
        copy.remove(one)
    return copy


def into_object(sign: Any, element: Any) -> None:
    sign.append(xml.with_children(xml.new("ds:Object"), element))


def xsw1(root: Any) -> Any:
    """An evil response around; the original response inside the signature, in an object."""
    wrapped = evil(root, new_id="_evil")
    sign = deepcopy(xml.required(root, "ds:Signature"))
    original = deepcopy(root)
    original.remove(xml.required(original, "ds:Signature"))
    wrapped.insert(1, sign)
    sign.append(original)
    return wrapped


def xsw2(root: Any) -> Any:
    """An evil response; the original response and its signature beside each other in it."""
    wrapped = evil(root, new_id="_evil")
    original = deepcopy(root)
    sign = xml.required(original, "ds:Signature")
    original.remove(sign)
    wrapped.insert(1, sign)
    wrapped.insert(1, original)
    return wrapped


def xsw3(root: Any) -> Any:
    """An evil assertion before the signed one."""
    assertion = xml.required(root, "saml:Assertion")
    root.insert(root.index(assertion), evil(assertion, new_id="_evil"))
    return root


def xsw4(root: Any) -> Any:
    """An evil assertion around the signed one."""
    assertion = xml.required(root, "saml:Assertion")
    wrapper = evil(assertion, new_id="_evil")
    root.replace(assertion, wrapper)
    wrapper.append(assertion)
    return root


def xsw5(root: Any) -> Any:
    """The evil assertion carries the signature, the original lies at the end without one."""
    assertion = xml.required(root, "saml:Assertion")
    sign = deepcopy(xml.required(assertion, "ds:Signature"))
    wrapper = evil(assertion, new_id="_evil")
    wrapper.insert(1, sign)
    root.replace(assertion, wrapper)
    assertion.remove(xml.required(assertion, "ds:Signature"))
    root.append(assertion)
    return root


def xsw6(root: Any) -> Any:
    """The evil assertion carries the signature, and the signature the original."""
    assertion = xml.required(root, "saml:Assertion")
    sign = deepcopy(xml.required(assertion, "ds:Signature"))
    wrapper = evil(assertion, new_id="_evil")
    root.replace(assertion, wrapper)
    assertion.remove(xml.required(assertion, "ds:Signature"))
    wrapper.insert(1, sign)
    sign.append(assertion)
    return root


def xsw7(root: Any) -> Any:
    """The evil assertion hides in extensions."""
    assertion = xml.required(root, "saml:Assertion")
    extensions = xml.with_children(xml.new("samlp:Extensions"), evil(assertion, new_id="_evil"))
    root.insert(root.index(assertion), extensions)
    return root


def xsw8(root: Any) -> Any:
    """The evil assertion carries the signature, which holds the original in an object."""
    assertion = xml.required(root, "saml:Assertion")
    sign = deepcopy(xml.required(assertion, "ds:Signature"))
    wrapper = evil(assertion, new_id="_evil")
    root.replace(assertion, wrapper)
    assertion.remove(xml.required(assertion, "ds:Signature"))
    wrapper.insert(1, sign)
    into_object(sign, assertion)
    return root


def same_id(root: Any) -> Any:
    """Two assertions by one ID: whoever looks the reference up finds either."""
    assertion = xml.required(root, "saml:Assertion")
    root.insert(root.index(assertion), evil(assertion, new_id=assertion.get("ID")))
    return root


WRAPPINGS = {wrap.__name__: wrap for wrap in (xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw8, same_id)}


# The first two wrap a signed response.
CASES = [(name, signed) for name in WRAPPINGS for signed in (True, False) if signed or name not in {"xsw1", "xsw2"}]


@pytest.mark.parametrize(("name", "is_response_signed"), CASES)
def test_a_wrapped_assertion_is_refused(name: str, *, is_response_signed: bool) -> None:
    wrap: Callable[[Any], Any] = WRAPPINGS[name]
    content = answer(sign_response=is_response_signed)
    assert read(content).name_id.value == "maria@example.com"
    wrapped = wrap(xml.parse(content))
    if is_response_signed and name not in {"xsw1", "xsw2"}:
        # The attacker drops the signature that the change has broken.
        wrapped.remove(xml.required(wrapped, "ds:Signature"))

    with pytest.raises(SamlInvalid):
        read(xml.serialize(wrapped))


@pytest.mark.parametrize("name", ["xsw4", "xsw5", "xsw6", "xsw8"])
def test_even_where_only_the_assertion_is_looked_at_what_was_signed_comes_back_or_nothing(name: str) -> None:
    wrapped = WRAPPINGS[name](xml.parse(answer(sign_response=False)))

    with pytest.raises(SamlInvalid):
        signature.verify(xml.children(wrapped, "saml:Assertion")[0], [key().certificate])
