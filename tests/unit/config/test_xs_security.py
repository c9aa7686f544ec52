# ruff: noqa: E501 - a table is read along its rows
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.xs_security import check, parse, resolve
from entryway.config.xs_security_references import Reference, aliases
from entryway.config.xs_security_references import parse as parse_reference
from entryway.config.xs_security_rules import MOST_SUGGESTIONS

GOOD: dict[str, Any] = {
    "xsappname": "products",
    "tenant-mode": "shared",
    "description": "Products",
    "scopes": [
        {"name": "uaa.user"},
        {"name": "$XSAPPNAME.Display", "description": "See"},
        {"name": "$XSAPPNAME.products.Edit/all", "granted-apps": ["$XSAPPNAME(application,other)"]},
        {"name": "$XSAPPNAME.Callback", "grant-as-authority-to-apps": ["$XSAPPNAME(application,p,tenant-onboarding)"]},
    ],
    "attributes": [
        {"name": "Country", "valueType": "string"},
        {"name": "Cost", "valueType": "int", "valueRequired": False},
    ],
    "role-templates": [
        {"name": "Viewer", "scope-references": ["$XSAPPNAME.Display", "uaa.user"], "attribute-references": ["Cost"]},
        {
            "name": "Regional",
            "scope-references": ["$XSAPPNAME(application,other).Read"],
            "attribute-references": [{"name": "Country", "default-values": ["DE"]}],
        },
    ],
    "role-collections": [
        {"name": "Viewers", "role-template-references": ["$XSAPPNAME.Viewer", "$XSAPPNAME(application,other).T"]},
        {"name": "Regional", "role-template-references": ["$XSAPPNAME.Regional"]},
    ],
    "authorities": ["$ACCEPT_GRANTED_AUTHORITIES", "$XSAPPNAME(application,other).Call", "$XSAPPNAME.Display"],
    "foreign-scope-references": ["$ACCEPT_GRANTED_SCOPES", "user_attributes", "$XSSERVICENAME(s).X"],
    "authorities-inheritance": False,
    "xsenableasyncservice": "true",
    "oauth2-configuration": {
        "token-validity": 900,
        "redirect-uris": ["https://*.example.com/**", "http://employees.portal"],
        "autoapprove": "true",
        "system-attributes": [],
    },
}


def errors(document: Mapping[str, Any] | str | bytes) -> list[Mistake]:
    return [mistake for mistake in check(document) if mistake.severity == "error"]


def changed(path: str, value: Any) -> dict[str, Any]:
    document = json.loads(json.dumps(GOOD))
    *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place: Any = document
    for part in parents:
        place = place[part]
    if last == "+":
        place.append(value)
    else:
        place[last] = value
    return document


def test_a_descriptor_without_mistakes_is_read() -> None:
    descriptor = parse(json.dumps(GOOD).encode())
    assert descriptor.warnings == ()
    content = descriptor.content
    assert content.xsappname == "products"
    assert content.tenant_mode == "shared"
    assert content.oauth2.token_validity == 900
    assert content.oauth2.refresh_token_validity == 604800
    assert content.oauth2.autoapprove is True
    assert content.oauth2.system_attributes == ()
    assert content.asynchronous is True
    assert content.attributes[1].value_required is False
    assert content.role_templates[0].attribute_references[0].name == "Cost"
    assert content.role_templates[1].attribute_references[0].default_values == ("DE",)


def test_a_mapping_and_a_text_with_a_byte_order_mark_are_read_too() -> None:
    assert (
        parse(GOOD).content
        == parse(b"\xef\xbb\xbf" + json.dumps(GOOD).encode()).content
        == parse(json.dumps(GOOD)).content
    )


def test_everything_but_the_braces_may_be_missing() -> None:
    content = parse("{}").content
    assert content.xsappname is None
    assert content.oauth2.token_validity == 43200


def test_blanks_around_keys_are_taken_off() -> None:
    content = parse('{"xsappname":"a","oauth2-configuration ":{" allowedproviders ":["x"]}}').content
    assert content.oauth2.allowed_providers == ("x",)


@pytest.mark.parametrize(
    ("path", "value", "at", "rule"),
    [
        ("xsappname", "a b", "/xsappname", 'Invalid xsappname "a b": May only include characters'),
        ("xsappname", "a!t1", "/xsappname", "May only include characters"),
        ("xsappname", "", "/xsappname", "must not be empty"),
        ("xsappname", "x" * 101, "/xsappname", "at most 100 characters"),
        ("xsappname", 5, "/xsappname", "must be a string"),
        ("xsappname", None, "/xsappname", "Invalid xsappname: Must not be <null>."),
        ("xsappname ", "twice", "/xsappname", "is written twice"),
        ("description", "a\0b", "/description", "NUL"),
        ("legacy", {"x/y": ["a\0b"]}, "/legacy/x~1y/0", "NUL"),
        ("legacy", float("nan"), "/legacy", "not a number"),
        ("legacy", float("inf"), "/legacy", "not a number"),
        ("tenant-mode", "mixed", "/tenant-mode", "must be one of 'dedicated', 'shared' or 'external'"),
        ("scopes", {}, "/scopes", "must be a list"),
        ("scopes", [{"name": f"$XSAPPNAME.S{n}"} for n in range(501)], "/scopes", "at most 500 entries, not 501"),
        ("scopes/+", {"name": "Display"}, "/scopes/4/name", "must begin with $XSAPPNAME."),
        ("scopes/+", {"name": "entryway.platform"}, "/scopes/4/name", "must begin with $XSAPPNAME."),
        ("scopes/+", {"name": "$XSAPPNAME"}, "/scopes/4/name", "must begin with $XSAPPNAME."),
        ("scopes/+", {"name": "$XSAPPNAME(application,x).A"}, "/scopes/4/name", "must begin with $XSAPPNAME."),
        ("scopes/+", {"name": "$XSAPPNAME..A"}, "/scopes/4/name", "must not begin with a dot"),
        ("scopes/+", {"name": "$XSAPPNAME.A b"}, "/scopes/4/name", "may only include"),
        ("scopes/+", {"name": "$XSAPPNAME." + "x" * 190}, "/scopes/4/name", "longer than 193"),
        ("scopes/+", {"name": "$XSAPPNAME.Display"}, "/scopes/4/name", "is used twice"),
        ("scopes/+", {}, "/scopes/4/name", "is required"),
        ("scopes/+", "x", "/scopes/4", "must be an object"),
        ("scopes/1/granted-apps", ["other"], "/scopes/1/granted-apps/0", "does not name an application"),
        ("scopes/1/granted-apps", ["$XSAPPNAME.X"], "/scopes/1/granted-apps/0", "does not name an application"),
        ("attributes/0/name", "a-b", "/attributes/0/name", "match"),
        ("attributes/0/valueType", "float", "/attributes/0/valueType", "must be one of"),
        ("attributes/0/valueRequired", "perhaps", "/attributes/0/valueRequired", "must be true or false"),
        ("attributes", [{"name": f"a{n}"} for n in range(51)], "/attributes", "at most 50"),
        ("role-templates/0/name", "a b", "/role-templates/0/name", "match"),
        ("role-templates/0/scope-references/0", "$XSAPPNAME.Dispaly", "/role-templates/0/scope-references/0", "not declared"),
        ("role-templates/0/scope-references/0", "Display", "/role-templates/0/scope-references/0", "does not name a scope"),
        ("role-templates/0/attribute-references", ["Coutry"], "/role-templates/0/attribute-references/0", "not declared"),
        ("role-templates/0/attribute-references", [5], "/role-templates/0/attribute-references/0", "must be an object"),
        ("role-templates/0/attribute-references", ["Country", {"name": "Country"}], "/role-templates/0/attribute-references/1", "twice"),
        ("attributes/+", {"name": []}, "/attributes/2/name", "must be a string"),
        ("role-collections/0/name", "x" * 65, "/role-collections/0/name", "at most 64"),
        ("role-collections/0/description", "x" * 1001, "/role-collections/0/description", "at most 1000"),
        ("role-collections/0", {"name": "x"}, "/role-collections/0/role-template-references", "is required"),
        ("role-collections/0/role-template-references/0", "$XSAPPNAME.No", "/role-collections/0/role-template-references/0", "not declared"),
        ("role-templates/1/attribute-references/0", "Country", "/role-collections/1/role-template-references/0", "no default role"),
        ("role-collections/0/role-template-references/0", "$XSSERVICENAME(x).No", "/role-collections/0/role-template-references/0", "subaccount"),
        ("role-collections/0/role-template-references/0", "$XSAPPNAME(application,y,x).No", "/role-collections/0/role-template-references/0", "subaccount"),
        ("authorities", ["Call"], "/authorities/0", "does not name a scope"),
        ("authorities", ["$XSAPPNAME.No"], "/authorities/0", "not declared"),
        ("foreign-scope-references", ["x"], "/foreign-scope-references/0", "does not name a scope"),
        ("oauth2-configuration/token-validity", 59, "/oauth2-configuration/token-validity", "at least 60"),
        ("oauth2-configuration/token-validity", 86401, "/oauth2-configuration/token-validity", "at most 86400"),
        ("oauth2-configuration/token-validity", "900", "/oauth2-configuration/token-validity", "whole number"),
        ("oauth2-configuration/token-validity", True, "/oauth2-configuration/token-validity", "whole number"),
        ("oauth2-configuration/refresh-token-validity", 31536001, "/oauth2-configuration/refresh-token-validity", "at most"),
        ("oauth2-configuration/redirect-uris", ["nowhere"], "/oauth2-configuration/redirect-uris/0", "invalid redirect_uri: [nowhere]"),
        ("oauth2-configuration/redirect-uris", ["https://*/**"], "/oauth2-configuration/redirect-uris/0", "any host"),
        ("oauth2-configuration/credential-types", ["secret"], "/oauth2-configuration/credential-types/0", "must be one of"),
        ("oauth2-configuration/credential-types", [], "/oauth2-configuration/credential-types", "names no type"),
        ("oauth2-configuration/system-attributes", ["x"], "/oauth2-configuration/system-attributes/0", "must be one of"),
        ("oauth2-configuration/system-attributes", [{}], "/oauth2-configuration/system-attributes/0", "must be one of"),
    ],
)  # fmt: skip
def test_each_rule_names_the_place_that_breaks_it(path: str, value: Any, at: str, rule: str) -> None:
    assert errors(GOOD) == []
    found = errors(changed(path, value))
    # One mistake may have others in its wake: what it fails to declare is missing elsewhere.
    assert any(mistake.path == at and rule in mistake.rule for mistake in found), found


def test_every_mistake_is_named_at_once_whether_of_shape_or_of_meaning() -> None:
    document = changed("scopes/+", {"name": "Display"})
    document["tenant-mode"] = "mixed"
    document["role-templates"][0]["scope-references"] = ["$XSAPPNAME.No", 5]
    document["oauth2-configuration"]["redirect-uris"] = ["x"]
    with pytest.raises(ConfigurationMistakes) as refused:
        parse(document)
    assert {mistake.path for mistake in refused.value.mistakes} == {
        "/scopes/4/name",
        "/tenant-mode",
        "/role-templates/0/scope-references/0",
        "/role-templates/0/scope-references/1",
        "/oauth2-configuration/redirect-uris/0",
    }


def test_a_near_miss_is_suggested() -> None:
    (found,) = errors(changed("role-templates/0/scope-references/0", "$XSAPPNAME.Dispaly"))
    assert found.suggestion == "did you mean '$XSAPPNAME.Display'?"


@pytest.mark.parametrize(
    ("path", "value", "at"),
    [
        ("colour", "blue", "/colour"),
        ("scopes/0/colour", "blue", "/scopes/0/colour"),
        ("role-templates/1/attribute-references/0/colour", "blue", "/role-templates/1/attribute-references/0/colour"),
        ("oauth2-configuration/colour", "blue", "/oauth2-configuration/colour"),
        ("scopes/1/granted-apps", ["$XSAPPNAME(applicaton,x)"], "/scopes/1/granted-apps/0"),
        ("oauth2-configuration/autoapprove", False, "/oauth2-configuration/autoapprove"),
        ("oauth2-configuration/autoapprove", "false", "/oauth2-configuration/autoapprove"),
        ("oauth2-configuration/system-attributes", ["ias-token"], "/oauth2-configuration/system-attributes/0"),
        ("oauth2-configuration/grant-types", ["magic"], "/oauth2-configuration/grant-types/0"),
    ],
)
def test_what_is_not_known_is_a_warning(path: str, value: Any, at: str) -> None:
    document = changed(path, value)
    assert [warning.path for warning in parse(document).warnings] == [at]


def test_a_descriptor_full_of_near_misses_gets_help_with_the_first_ones() -> None:
    document = {
        "scopes": [{"name": f"$XSAPPNAME.Display{n}"} for n in range(500)],
        "role-templates": [{"name": "T", "scope-references": [f"$XSAPPNAME.Dispaly{n}" for n in range(2000)]}],
    }
    found = errors(document)
    assert len(found) == 2000
    assert [bool(mistake.suggestion) for mistake in found] == [True] * MOST_SUGGESTIONS + [False] * (
        2000 - MOST_SUGGESTIONS
    )
    with pytest.raises(ConfigurationMistakes) as refused:
        parse(document)
    assert len(refused.value.mistakes) == 101
    assert refused.value.mistakes[-1].rule == "and 1900 mistakes more"


def test_too_many_granted_scopes_are_refused() -> None:
    scopes = [{"name": f"$XSAPPNAME.S{n}", "granted-apps": ["$XSAPPNAME(application,x)"]} for n in range(251)]
    assert [mistake.path for mistake in errors({"scopes": scopes})] == ["/scopes"]


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        (b"", "is not JSON: Expecting value at line 1, column 1"),
        (b'{\n"xsappname": }', "line 2, column 14"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"a":' * 50 + b"1" + b"}" * 50, "nested deeper"),
        (b'{"xsappname":"a","xsappname":"b"}', "the key 'xsappname' is written twice"),
        (b" " * (1024 * 1024 + 1), "is larger than"),
    ],
)
def test_what_is_no_descriptor_at_all_is_said_in_one_sentence(source: bytes, rule: str) -> None:
    with pytest.raises(ConfigurationMistakes) as refused:
        parse(source)
    assert any(rule in mistake.rule for mistake in refused.value.mistakes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["name", "scopes", "attributes", "role-templates", "role-collections", "xsappname",
        "scope-references", "attribute-references", "role-template-references", "oauth2-configuration", "redirect-uris",
        "authorities", "granted-apps", "valueRequired", "default-values"]), inner, max_size=6),
    max_leaves=25,
)  # fmt: skip


@given(JSON)
def test_any_json_is_read_or_refused_with_mistakes(value: Any) -> None:
    found = errors(json.dumps(value))
    if found:
        with pytest.raises(ConfigurationMistakes) as refused:
            parse(json.dumps(value))
        assert list(refused.value.mistakes) == found
    else:
        parse(json.dumps(value))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("$XSAPPNAME", "me!t3"),
        ("$XSAPPNAME.A.b", "me!t3.A.b"),
        ("$XSAPPNAME(application,other)", "other!t3"),
        ("$XSAPPNAME( application , other ).A", "other!t3.A"),
        ("$XSAPPNAME(broker,service).A", "service!b3.A"),
        ("$XSAPPNAME(application,elsewhere,other).A", "$XSAPPNAME(application,elsewhere,other).A"),
        ("$XSAPPNAME(unknown,other).A", "$XSAPPNAME(unknown,other).A"),
        ("$XSAPPNAME( application,elsewhere , other )", "$XSAPPNAME(application,elsewhere,other)"),
        ("$XSSERVICENAME(instance).A", "$XSSERVICENAME(instance).A"),
        ("$XSSERVICENAME( my instance ).A", "$XSSERVICENAME(my instance).A"),
        ("$XSAPPNAME(apiaccess,other).A", "other!a3.A"),
        ("uaa.user", "uaa.user"),
    ],
)
def test_references_are_resolved_as_seen_by_the_application(text: str, meaning: str) -> None:
    assert resolve(text, "me!t3", 3) == meaning


@pytest.mark.parametrize(
    "text", ["", "x", "$XSAPPNAMEx", "$XSAPPNAME.", "$XSAPPNAME(a)", "$XSAPPNAME(a,b", "XSAPPNAME.a"]
)
def test_what_is_no_reference_is_none(text: str) -> None:
    assert parse_reference(text) is None


def test_a_reference_says_whether_it_is_to_the_application_itself() -> None:
    assert parse_reference("$XSAPPNAME.a") == Reference("$XSAPPNAME", None, None, elsewhere=False, local="a")
    own, other = parse_reference("$XSAPPNAME.a"), parse_reference("$XSAPPNAME(application,b).a")
    assert own is not None
    assert own.own
    assert other is not None
    assert not other.own


def test_an_application_is_known_by_the_names_that_others_write() -> None:
    assert aliases("shop!t3", "application", "acme", None) == ("$XSAPPNAME(application,acme,shop)", None)
    assert aliases("shop!t3", "application", "acme", "uaa") == (
        "$XSAPPNAME(application,acme,shop)",
        "$XSSERVICENAME(uaa)",
    )
