"""How often one address may try."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

# More addresses than this share what is left of the oldest one: memory is bounded, whoever calls.
ADDRESSES = 10_000


@dataclass(slots=True)
class Allowance:
    """A bucket for each address that refills steadily; `now` is seconds of any clock that only goes forward."""

    per_minute: int
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, address: str, now: float) -> float:
        """Use up one attempt and return 0, or return the seconds until there is one again."""
        left, since = self._buckets.pop(address, (float(self.per_minute), now))
        left = min(float(self.per_minute), left + (now - since) * self.per_minute / 60)
        wait = 0.0 if left >= 1 else (1 - left) * 60 / self.per_minute
        self._buckets[address] = (left if wait else left - 1, now)
        while len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        return wait
