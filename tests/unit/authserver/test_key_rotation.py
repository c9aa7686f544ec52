from datetime import UTC, datetime, timedelta

import pytest

from entryway.authserver.key_rotation import (
    KeyState,
    KeyStepRefused,
    RotationPolicy,
    check_create,
    check_delete,
    check_enable,
    due,
)

NOW = datetime(2026, 5, 4, tzinfo=UTC)
POLICY = RotationPolicy()


def key(kid: str, *, active: bool, created: float, changed: float | None = None) -> KeyState:
    """Times are hours ago."""
    changed_at = None if changed is None else NOW - timedelta(hours=changed)
    return KeyState(kid, active, NOW - timedelta(hours=created), changed_at)


def test_there_are_two_keys_at_most() -> None:
    check_create([key("a", active=True, created=1)])
    with pytest.raises(KeyStepRefused):
        check_create([key("a", active=True, created=2), key("b", active=False, created=1)])


@pytest.mark.parametrize(("age", "forced", "allowed"), [(11.9, False, False), (12, False, True), (0, True, True)])
def test_a_key_signs_when_clients_have_it(age: float, *, forced: bool, allowed: bool) -> None:
    if allowed:
        check_enable(key("b", active=False, created=age), NOW, POLICY, forced=forced)
    else:
        with pytest.raises(KeyStepRefused, match="12 hours"):
            check_enable(key("b", active=False, created=age), NOW, POLICY, forced=forced)


def test_publishing_takes_its_time_even_where_steps_are_short() -> None:
    quick = RotationPolicy(between_steps=timedelta())
    with pytest.raises(KeyStepRefused, match="30 minutes"):
        check_enable(key("b", active=False, created=0.4), NOW, quick, forced=False)
    check_enable(key("b", active=False, created=0.5), NOW, quick, forced=False)


def test_the_key_that_signs_is_neither_enabled_again_nor_deleted() -> None:
    active = key("a", active=True, created=1000)
    with pytest.raises(KeyStepRefused):
        check_enable(active, NOW, POLICY, forced=True)
    with pytest.raises(KeyStepRefused):
        check_delete(active, NOW, POLICY, forced=True)


@pytest.mark.parametrize(("since", "forced", "allowed"), [(11, False, False), (12, False, True), (0, True, True)])
def test_a_key_goes_when_its_tokens_have_gone(since: float, *, forced: bool, allowed: bool) -> None:
    old = key("a", active=False, created=5000, changed=since)
    if allowed:
        check_delete(old, NOW, POLICY, forced=forced)
    else:
        with pytest.raises(KeyStepRefused):
            check_delete(old, NOW, POLICY, forced=forced)


YEAR = 24 * 365.0


@pytest.mark.parametrize(
    ("keys", "step"),
    [
        ([key("a", active=True, created=24 * 179)], None),
        ([key("a", active=True, created=24 * 180)], ("create", "")),
        ([key("a", active=True, created=YEAR, changed=1)], None),
        ([key("a", active=True, created=YEAR), key("b", active=False, created=47)], None),
        ([key("a", active=True, created=YEAR), key("b", active=False, created=48)], ("enable", "b")),
        ([key("a", active=False, created=YEAR, changed=47), key("b", active=True, created=95, changed=47)], None),
        (
            [key("a", active=False, created=YEAR, changed=48), key("b", active=True, created=96, changed=48)],
            ("delete", "a"),
        ),
        ([], None),
    ],
)
def test_rotation_takes_one_step_after_the_other(keys: list[KeyState], step: tuple[str, str] | None) -> None:
    assert due(keys, NOW, POLICY) == step
    assert due(keys, NOW, RotationPolicy(rotated_every=None)) is None
