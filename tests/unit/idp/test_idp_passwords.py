from datetime import UTC, datetime, timedelta

import pytest

from entryway.idp.errors import InvalidValue
from entryway.idp.users.password_policy import PasswordPolicy
from entryway.idp.users.user import UserValues

ALICE = UserValues(user_name="alice.adams", email="alice@example.com")
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "password", "broken"),
    [
        ({}, "seven77", ["min_length"]),
        ({}, "eight888", []),
        ({}, "e" * 256, ["max_length"]),
        ({"require_upper_case": True}, "lower case", ["require_upper_case"]),
        ({"require_lower_case": True}, "UPPER CASE", ["require_lower_case"]),
        ({"require_digit": True}, "no digit here", ["require_digit"]),
        ({"require_special": True}, "OnlyLetters1", ["require_special"]),
        ({"require_special": True, "require_digit": True}, "with 1 space", []),
        ({}, "xxALICE.adamsxx", ["no_name"]),
        ({}, "alice-1234567", ["no_name"]),
    ],
)
def test_what_a_password_must_be(policy: dict, password: str, broken: list[str]) -> None:
    assert PasswordPolicy(**policy).broken_rules(password, ALICE) == broken


def test_a_short_name_is_in_many_passwords() -> None:
    assert PasswordPolicy().broken_rules("abandoned", UserValues(user_name="ab")) == []


def test_when_a_password_is_too_old() -> None:
    policy = PasswordPolicy(expires_after_days=30)
    assert not policy.expired(NOW - timedelta(days=30), NOW)
    assert policy.expired(NOW - timedelta(days=31), NOW)
    assert not PasswordPolicy().expired(NOW - timedelta(days=3000), NOW)
    assert not policy.expired(None, NOW)


@pytest.mark.parametrize(
    "values",
    [
        {"user_name": ""},
        {"user_name": "  "},
        {"user_name": "a\nb"},
        {"user_name": "x" * 256},
        {"user_name": "a", "email": "no address"},
        {"user_name": "a", "email": "a@b@c"},
        {"user_name": "a", "email": "Mallory <m@example.com>"},
        {"user_name": "a", "attributes": {"-x": ["x"]}},
        {"user_name": "a", "attributes": {"x": ["v\0"]}},
        {"user_name": "a", "attributes": {"x": ["v"] * 101}},
        {"user_name": "a", "attributes": {f"x{n}": [] for n in range(101)}},
    ],
)
def test_values_that_no_user_has(values: dict) -> None:
    with pytest.raises(InvalidValue):
        UserValues(**values)
