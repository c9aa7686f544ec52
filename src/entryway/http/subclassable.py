"""Says of a class that it may be subclassed where it is compiled and the subclass is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

Class = TypeVar("Class", bound=type)

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr
else:

    def mypyc_attr(**_said: bool) -> Callable[[Class], Class]:
        """Leave the class as it is: mypyc alone has a use for what is said, and need not be there."""
        return lambda decorated: decorated


__all__ = ["mypyc_attr"]
