from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.scim.errors import InvalidFilter, InvalidPath, ScimError
from entryway.scim.filters import (
    DEEPEST,
    MOST_TERMS,
    And,
    AttributePath,
    Comparison,
    Not,
    Or,
    PatchPath,
    Present,
    ValueFilter,
    parse,
    parse_path,
)

NAME = AttributePath("userName")
A = Comparison(AttributePath("a"), "eq", 1)
B = Comparison(AttributePath("b"), "eq", 2)
C = Comparison(AttributePath("c"), "eq", 3)
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('userName eq "bjensen"', Comparison(NAME, "eq", "bjensen")),
        ('USERNAME EQ "b"', Comparison(AttributePath("USERNAME"), "eq", "b")),
        ('name.familyName co "O\'Malley"', Comparison(AttributePath("name", "familyName"), "co", "O'Malley")),
        (r'userName eq "a\"b\\cé"', Comparison(NAME, "eq", 'a"b\\cé')),
        ("title pr", Present(AttributePath("title"))),
        ("active eq true", Comparison(AttributePath("active"), "eq", True)),
        ("title eq null", Comparison(AttributePath("title"), "eq", None)),
        ("a ge -1.5e3", Comparison(AttributePath("a"), "ge", -1500.0)),
        ("a eq 1 or b eq 2 and c eq 3", Or((A, And((B, C))))),
        ("(a eq 1 or b eq 2) and c eq 3", And((Or((A, B)), C))),
        ("not (a eq 1) and b eq 2", And((Not(A), B))),
        (
            'emails[type eq "work" and value co "@example.com"]',
            ValueFilter(
                AttributePath("emails"),
                And(
                    (
                        Comparison(AttributePath("type"), "eq", "work"),
                        Comparison(AttributePath("value"), "co", "@example.com"),
                    )
                ),
            ),
        ),
        (
            f'{ENTERPRISE}:employeeNumber eq "701984"',
            Comparison(AttributePath("employeeNumber", "", ENTERPRISE), "eq", "701984"),
        ),
    ],
)
def test_filters_of_the_standard(text: str, expected: object) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "userName",
        "userName eq",
        'eq "x"',
        'userName like "x"',
        "userName eq bjensen",
        "userName eq 'x'",
        'userName eq "x" or',
        '(userName eq "x"',
        'userName eq "x")',
        'userName eq "x" userName eq "y"',
        'not userName eq "x"',
        'emails[type eq "work"',
        'userName eq "x"; DROP TABLE users',
        'userName eq "x" --',
        'userName eq "a\nb"',
        'userName eq "\\u0000"',
        'userName eq "\\ud800"',
        "userName eq 01",
        "1=1",
        "(" * 5000,
        "(" * (DEEPEST + 1) + "a pr" + ")" * (DEEPEST + 1),
        " or ".join(["a pr"] * (MOST_TERMS + 1)),
    ],
)
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(InvalidFilter):
        parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("userName", PatchPath(NAME)),
        ("name.givenName", PatchPath(AttributePath("name", "givenName"))),
        (
            'emails[type eq "work"].value',
            PatchPath(AttributePath("emails"), Comparison(AttributePath("type"), "eq", "work"), "value"),
        ),
        (f"{ENTERPRISE}:manager.value", PatchPath(AttributePath("manager", "value", ENTERPRISE))),
    ],
)
def test_paths_of_patch(text: str, expected: PatchPath) -> None:
    assert parse_path(text) == expected


@pytest.mark.parametrize("text", ["", "a b", "emails[", "emails[type pr", "emails[type pr].", "emails[type pr]x", ".a"])
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(InvalidPath):
        parse_path(text)


@given(st.text(alphabet='abAB12 ()[]".\\:-$enotrqp', max_size=60))
def test_any_text_is_a_filter_or_an_error_of_ours(text: str) -> None:
    for read in (parse, parse_path):
        with suppress(ScimError):
            read(text)
