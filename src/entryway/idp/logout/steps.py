"""A logout on its way through the browser: who is still to be told, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

TO_ADDRESS, TO_PAGE, TO_SERVICE_PROVIDER, TO_PROVIDER = "address", "page", "service-provider", "provider"


@dataclass(frozen=True, slots=True)
class Ending:
    """What the browser is answered in the end; `details` is what that needs."""

    kind: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One party to tell: an application or a company's provider by its id, and what it must be told."""

    kind: str
    party: str
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LogoutState:
    """Of `steps`, the first is being told; `complete` until one could not be, or said no."""

    steps: Sequence[Step]
    ending: Ending
    complete: bool = True

    def rest(self, *, told: bool) -> LogoutState:
        """Return the state after the first step."""
        return replace(self, steps=self.steps[1:], complete=self.complete and told)

    def to_json(self) -> dict[str, Any]:
        """Return the form in which it is kept."""
        return {
            "steps": [[step.kind, step.party, dict(step.facts)] for step in self.steps],
            "ending": [self.ending.kind, dict(self.ending.details)],
            "complete": self.complete,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> LogoutState:
        """Return what `to_json` was made from."""
        return cls([Step(*step) for step in stored["steps"]], Ending(*stored["ending"]), stored["complete"])
