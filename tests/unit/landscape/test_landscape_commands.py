"""How the processes of a landscape are run."""

from __future__ import annotations

from pathlib import Path

from entryway.landscape.commands import Commands
from entryway.landscape.plan import prepare
from entryway.landscape.state import StateFolder

DEMO = Path(__file__).parents[3] / "examples" / "products"


def test_one_admin_port_is_not_given_to_several_processes(tmp_path: Path) -> None:
    environ = {"ENTRYWAY_ADMIN_PORT": "9443", "ENTRYWAY_TOKEN_RATE": "5"}
    commands = Commands(prepare(DEMO, []), StateFolder(tmp_path), environ, colours=False)
    for command in (commands.services(), commands.identity_provider(), commands.connectivity()):
        assert "ENTRYWAY_ADMIN_PORT" not in command.environment
        assert command.environment["ENTRYWAY_TOKEN_RATE"] == "5"
