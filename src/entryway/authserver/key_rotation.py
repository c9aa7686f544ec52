"""What may be done to a tenant's signing keys, and when: a key is published before it signs, and verifies after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from entryway.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MOST_KEYS = 2


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key as far as rotation is concerned; `changed_at` is when it began or ceased to sign."""

    kid: str
    active: bool
    created_at: datetime
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """How long each step waits: clients keep keys for up to 30 minutes, and applications of others for longer."""

    published_before_use: timedelta = timedelta(minutes=30)
    between_steps: timedelta = timedelta(hours=12)
    # None: keys are rotated by hand only.
    rotated_every: timedelta | None = timedelta(days=180)
    automatic_step: timedelta = timedelta(hours=48)


class KeyStepRefused(Conflict):
    """The step comes too early, or is none that this key can take."""

    code = "key_step_refused"
    title = "The signing key cannot take this step now"


def check_create(keys: Sequence[KeyState]) -> None:
    """Refuse a third key."""
    if len(keys) >= MOST_KEYS:
        raise KeyStepRefused(f"there are {MOST_KEYS} keys already; delete the one that is not enabled first")


def check_enable(key: KeyState, now: datetime, policy: RotationPolicy, *, forced: bool) -> None:
    """Refuse to sign with a key that clients may not have yet, unless it is forced."""
    if key.active:
        raise KeyStepRefused("the key is enabled already")
    wait = max(policy.between_steps, policy.published_before_use)
    if not forced and now - key.created_at < wait:
        raise KeyStepRefused(f"the key may be enabled {_hours(wait)} after it was created")


def check_delete(key: KeyState, now: datetime, policy: RotationPolicy, *, forced: bool) -> None:
    """Refuse to end a key whose tokens are still about, unless it is forced; the one that signs stays in any case."""
    if key.active:
        raise KeyStepRefused("the key is enabled; enable the other one first")
    since = key.changed_at or key.created_at
    if not forced and now - since < policy.between_steps:
        raise KeyStepRefused(f"the key may be deleted {_hours(policy.between_steps)} after it was last in use")


def due(keys: Sequence[KeyState], now: datetime, policy: RotationPolicy) -> tuple[str, str] | None:
    """Return the step that automatic rotation takes now, with its key: ("create", ""), ("enable", kid) and so on."""
    if policy.rotated_every is None:
        return None
    active = next((key for key in keys if key.active), None)
    other = next((key for key in keys if not key.active), None)
    if active is None:
        return None
    if other is None:
        age = now - (active.changed_at or active.created_at)
        return ("create", "") if age >= policy.rotated_every else None
    if other.created_at > (active.changed_at or active.created_at):
        return ("enable", other.kid) if now - other.created_at >= policy.automatic_step else None
    since = other.changed_at or other.created_at
    return ("delete", other.kid) if now - since >= policy.automatic_step else None


def _hours(wait: timedelta) -> str:
    minutes = int(wait.total_seconds() // 60)
    return f"{minutes // 60} hours" if minutes % 60 == 0 else f"{minutes} minutes"
