"""Housekeeping goes on whatever fails in it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from entryway.authserver.housekeeping import Housekeeping


async def test_what_fails_keeps_nothing_else_from_being_done(capsys: pytest.CaptureFixture[str]) -> None:
    done = []

    async def fail() -> None:
        raise RuntimeError("what nobody thought of")

    async def work() -> None:
        done.append(True)

    # The sweep fails, too: there is no database.
    await Housekeeping(None, lambda: datetime(2026, 1, 1, tzinfo=UTC), (fail, work)).round()  # type: ignore[arg-type]
    assert done == [True]
    assert "what nobody thought of" in capsys.readouterr().out
