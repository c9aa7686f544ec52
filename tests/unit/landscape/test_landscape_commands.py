"""How the processes of a landscape are run."""

from __future__ import annotations

from pathlib import Path

import pytest

from entryway.landscape.commands import Commands
from entryway.landscape.plan import prepare
from entryway.landscape.state import StateFolder

DEMO = Path(__file__).parents[3] / "examples" / "products"


def commands_of(folder: Path, environ: dict[str, str]) -> Commands:
    return Commands(prepare(DEMO, []), StateFolder(folder), environ, colours=False)


@pytest.mark.parametrize(
    ("given", "expected"), [("9443", ["9443", "9444", "9445", "9446", "9447", "9448"]), ("", [None] * 6)]
)
def test_each_process_gets_an_admin_port_of_its_own(tmp_path: Path, given: str, expected: list[str | None]) -> None:
    commands = commands_of(tmp_path, {"ENTRYWAY_ADMIN_PORT": given, "ENTRYWAY_TOKEN_RATE": "5"})
    modules = commands.plan.application.descriptor.modules
    started = [commands.services(), commands.identity_provider(), commands.connectivity()]
    started += [commands.connector(tmp_path), *(commands.module(module, {}) for module in modules)]
    assert [command.environment.get("ENTRYWAY_ADMIN_PORT") or None for command in started][:6] == expected
    assert {command.environment["ENTRYWAY_TOKEN_RATE"] for command in started} == {"5"}


def test_a_modules_own_admin_port_wins_and_what_is_no_port_is_for_the_process_to_refuse(tmp_path: Path) -> None:
    commands = commands_of(tmp_path, {"ENTRYWAY_ADMIN_PORT": "9443"})
    module = commands.plan.application.descriptor.modules[0]
    own = commands.module(module, {"ENTRYWAY_ADMIN_PORT": "7000"})
    assert own.environment["ENTRYWAY_ADMIN_PORT"] == "7000"
    assert commands_of(tmp_path, {"ENTRYWAY_ADMIN_PORT": "x"}).services().environment["ENTRYWAY_ADMIN_PORT"] == "x"
