from __future__ import annotations

import pytest

from entryway.authserver.roles.attribute_values import AttributeValue, Source, of_default_role, stored
from entryway.authserver.roles.entitlements import merge_attributes
from entryway.authserver.roles.mapping_rules import IdentityFacts, Operator, RoleMapping

FACTS = IdentityFacts(("sales-eu",), {"country": ["DE", "FR"], "Groups": ["from-attribute"]})


def mapping(attribute: str, operator: Operator, value: str) -> RoleMapping:
    return RoleMapping("company", attribute, operator, value, "Any")


@pytest.mark.parametrize(
    ("attribute", "operator", "value", "fits"),
    [
        ("Groups", Operator.EQUALS, "sales-eu", True),
        ("groups", Operator.EQUALS, "sales-eu", True),
        ("Groups", Operator.EQUALS, "from-attribute", True),
        ("groups", Operator.EQUALS, "from-attribute", False),
        ("Groups", Operator.EQUALS, "Sales-EU", False),
        ("Groups", Operator.EQUALS, "sales", False),
        ("Groups", Operator.CONTAINS, "sales", True),
        ("Groups", Operator.CONTAINS, "Sales", False),
        ("country", Operator.EQUALS, "FR", True),
        ("country", Operator.EQUALS, "fr", False),
        ("Country", Operator.EQUALS, "FR", False),
        ("department", Operator.CONTAINS, "x", False),
    ],
)
def test_a_mapping_fits_a_value_with_regard_to_case(
    attribute: str, operator: Operator, value: str, *, fits: bool
) -> None:
    assert mapping(attribute, operator, value).fits(FACTS) is fits


def test_a_role_gives_static_values_told_values_or_no_restriction() -> None:
    told = {"country": ["DE", "FR"]}
    assert AttributeValue(Source.STATIC, ("US",)).given(told) == ("US",)
    assert AttributeValue(Source.IDENTITY_PROVIDER, ("country",)).given(told) == ("DE", "FR")
    assert AttributeValue(Source.UNRESTRICTED).given(told) is None


def test_what_the_identity_provider_does_not_tell_is_no_value_and_not_everything() -> None:
    assert AttributeValue(Source.IDENTITY_PROVIDER, ("Country",)).given({"country": ["DE"]}) == ()
    assert merge_attributes([{"Country": ()}]) == {"Country": []}


def test_a_default_role_gives_the_default_values_or_no_restriction() -> None:
    assert of_default_role({"Country": ["DE"], "Level": []}) == {
        "Country": AttributeValue(Source.STATIC, ("DE",)),
        "Level": AttributeValue(Source.UNRESTRICTED),
    }


def test_attributes_are_united_over_roles_and_lifted_by_one_without_restriction() -> None:
    assert merge_attributes([{"Country": ["FR"]}, {"Country": ["DE", "FR"], "Cost": ["1"]}]) == {
        "Cost": ["1"],
        "Country": ["DE", "FR"],
    }
    assert merge_attributes([{"Country": ["FR"]}, {"Country": None}]) == {}
    assert merge_attributes([{"Country": None}, {"Country": []}]) == {}
    assert merge_attributes([]) == {}


@pytest.mark.parametrize(
    "value", [AttributeValue(Source.STATIC, ("a", "b")), AttributeValue(Source.IDENTITY_PROVIDER, ("country",))]
)
def test_an_attribute_is_stored_as_it_is(value: AttributeValue) -> None:
    assert stored(value.to_json()) == value
