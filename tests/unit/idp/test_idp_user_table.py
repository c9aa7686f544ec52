from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.idp.errors import InvalidValue
from entryway.idp.users import user_table
from entryway.idp.users.user import UserValues


def test_a_table_is_read() -> None:
    header = "\ufeffloginName;mail;firstName;groups;status;attribute:costCenter"
    content = f"{header}\r\nada;ada@x.example;Ada;A | B|A;active;1|2\r\n\r\n"
    [line], mistakes = user_table.read(content.encode())
    assert not mistakes
    assert (line.line, line.groups) == (2, ("A", "B"))
    values = line.values(None)
    assert values.email == "ada@x.example"
    assert values.given_name == "Ada"
    assert values.active
    assert values.attributes == {"costCenter": ["1", "2"]}


def test_what_the_table_does_not_have_stays() -> None:
    [line], _ = user_table.read(b"user_name,given_name,attribute:a\nada,Ada,\n")
    before = UserValues(
        user_name="ada", email="a@x.example", email_verified=True, active=False, attributes={"a": ["1"], "b": ["2"]}
    )
    after = line.values(before)
    assert after.email_verified
    assert not after.active
    assert after.attributes == {"a": [], "b": ["2"]}
    assert line.groups is None


def test_another_address_is_not_confirmed() -> None:
    [line], _ = user_table.read(b"user_name,email\nada,new@x.example\n")
    assert not line.values(UserValues(user_name="ada", email="a@x.example", email_verified=True)).email_verified


@pytest.mark.parametrize(
    ("content", "line", "part"),
    [
        (b"", 1, "user_name is missing"),
        (b"email\na@x.example", 1, "user_name is missing"),
        (b"user_name,password\na,b", 1, "'password'"),
        (b"user_name,loginName\na,b", 1, "twice"),
        (b"user_name\n\xff", 1, "UTF-8"),
        (b"user_name,email\na", 2, "1 cells"),
        (b"user_name,email\na,b", 2, "mail address"),
        (b"user_name,email\n,b@x.example", 2, "must not be empty"),
        (b"user_name,active\na,perhaps", 2, "true or false"),
        (b"user_name,email\na,a@x.example\nb,A@X.example", 3, "line 2"),
        (b"user_name\na\nA", 3, "line 2"),
        (b"user_name,attribute:a b\na,1", 2, "attributes"),
        (b"user_name,groups\na," + b"g" * 256, 2, "groups"),
        (b"user_name,groups\na," + b"|".join(b"g%d" % number for number in range(1001)), 2, "groups must not"),
        (b'user_name\n"' + b"a" * 200_000 + b'"', 2, "cannot be read"),
        (b"user_name\n" + b"\n".join(b"u%d" % number for number in range(user_table.MOST_LINES + 1)), 5002, "at most"),
    ],
)
def test_mistakes_have_their_line(content: bytes, line: int, part: str) -> None:
    _, mistakes = user_table.read(content)
    assert [one for one in mistakes if one.line == line and part in one.message], mistakes


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"user_name,email\n{text}".encode()))
def test_any_bytes_are_a_table_or_mistakes(content: bytes) -> None:
    lines, mistakes = user_table.read(content)
    for line in lines:
        try:
            line.values(None)
        except InvalidValue:
            assert mistakes
