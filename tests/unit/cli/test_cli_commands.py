"""The command line as a person meets it: real processes, what they print, and how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from typer.main import get_command
from typer.testing import CliRunner

from entryway.cli.administration import GROUPS
from entryway.cli.commands import app
from entryway.cli.outcome import told_in_clear_words

COMMANDS = (
    "up",
    "router",
    "services",
    "idp",
    "identity",
    "identity import",
    "identity providers",
    "identity set-provider",
    "identity delete-provider",
    "identity logins",
    "connectivity",
    "connector",
    "connector run",
    "connector token",
    "connector list",
    "connector revoke",
    "connector pair",
    "check",
    "explain",
    "export",
    "env",
    "token",
    "storage",
    "storage migrate",
    "storage status",
    "storage backup",
    "storage restore",
    "storage rotate-master-key",
    "storage replace-data-keys",
    "storage reseal",
    "audit",
    "audit list",
    "audit verify",
    "audit prune",
    "version",
)
ADMINISTRATION = tuple(
    f"{group} {name}" for group, typer_app in GROUPS.items() for name in get_command(typer_app).commands
)
PAGE = Path(__file__).parents[3] / "docs" / "command-line.md"


def entryway(*arguments: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "entryway", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environ},
    )


def imported_by(*arguments: str) -> set[str]:
    """Return the modules that a command imports."""
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['entryway', *{list(arguments)!r}]\n"
        "try:\n    runpy.run_module('entryway', run_name='__main__')\n"
        "except SystemExit:\n    print(' '.join(sys.modules), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(result.stderr.split())


def all_commands() -> set[str]:
    names = set()
    for name, command in get_command(app).commands.items():
        names.add(name)
        names |= {f"{name} {inner}" for inner in getattr(command, "commands", {})}
    return names


def test_the_commands_are_the_ones_that_were_promised():
    assert all_commands() == {*COMMANDS, *GROUPS, *ADMINISTRATION}


def helps(command: str) -> Result:
    return CliRunner().invoke(app, [*command.split(), "--help"], prog_name="entryway", env={"COLUMNS": "200"})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps(command: str):
    result = helps(command)

    assert result.exit_code == 0
    assert f"Usage: entryway {command}" in result.stdout
    assert ("Example" in result.stdout) == (command not in {"version", "connector", "identity", "storage", "audit"})
    assert result.stderr == ""


@pytest.mark.parametrize("command", ADMINISTRATION)
def test_every_command_of_administrators_shows_an_example(command: str):
    result = helps(command)

    assert result.exit_code == 0
    assert f"Usage: entryway {command.split(maxsplit=1)[0]}" in result.stdout
    assert "Example" in result.stdout


@pytest.mark.parametrize("command", [*COMMANDS, *ADMINISTRATION])
def test_every_command_is_documented(command: str):
    assert f"entryway {command}" in PAGE.read_text()


def test_the_documentation_names_no_option_that_does_not_exist():
    known = {
        option
        for command in [get_command(app), *get_command(app).commands.values()]
        for each in [command, *getattr(command, "commands", {}).values()]
        for parameter in each.params
        for option in parameter.opts
    } | {"--help"}

    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE.read_text())) <= known


def test_a_process_helps():
    result = entryway("--help")

    assert result.returncode == 0
    assert "Usage: entryway" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("asked", ["version", "--version", "-V"])
def test_version_says_which(asked: str):
    result = entryway(asked)

    assert result.returncode == 0
    assert re.fullmatch(r"entryway \d+\.\d+\.\d+ \(Python 3\.\d+\.\d+, \w+\)\n", result.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nix"],
        ["up", "--nix"],
        ["up", "a", "b"],
        ["explain", "GET"],
        ["env"],
        ["env", "app", "--format", "xml"],
        ["token", "--user", "anna"],
        ["token", "--user", "anna", "--client", "--app", "srv"],
        ["services", "--port", "0"],
        ["connector", "pair"],
    ],
)
def test_a_command_that_cannot_be_understood_ends_with_2(arguments: list[str], tmp_path: Path):
    result = entryway(*arguments, cwd=tmp_path)

    assert result.returncode == 2
    assert result.stdout == ""
    assert "Usage: entryway" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["up", "nowhere"], 2, "nowhere: is no folder"),
        (["up"], 2, "no file describes an application here"),
        (["check", "nowhere"], 2, "nowhere: is no folder"),
        (["check"], 2, "no file describes an application here"),
        (["explain", "GET", "/"], 2, "xs-app.json: cannot be read: No such file or directory"),
        (["env", "srv"], 1, "`entryway up` does not run in"),
        (["token", "--app", "srv"], 1, "`entryway up` does not run in"),
        (["connectivity", "--state", "state"], 1, "start `entryway services --state state` first"),
        (["connector", "run"], 2, "does not exist"),
        (["connector", "token"], 1, "secrets.json does not exist"),
    ],
)
def test_what_goes_wrong_is_said_in_clear_words(arguments: list[str], code: int, said: str, tmp_path: Path):
    result = entryway(*arguments, cwd=tmp_path)

    assert result.returncode == code
    assert result.stdout == ""
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("name", "value"), [("ENTRYWAY_LOG_FORMAT", "xml"), ("ENTRYWAY_LOG_LEVEL", "loud")])
def test_a_wrong_log_setting_is_a_mistake(name: str, value: str, tmp_path: Path):
    result = entryway("services", cwd=tmp_path, **{name: value})

    assert result.returncode == 2
    assert f"error: the environment at {name}: '{value}' is not known" in result.stderr
    assert list(tmp_path.iterdir()) == []


def folder_with(tmp_path: Path, *routes: dict[str, object]) -> Path:
    (tmp_path / "xs-app.json").write_text(json.dumps({"routes": list(routes)}))
    (tmp_path / "default-env.json").write_text(
        json.dumps({"destinations": [{"name": "backend", "url": "http://localhost:9009"}]})
    )
    return tmp_path


def test_check_ends_with_0_for_warnings_and_with_2_for_mistakes(tmp_path: Path):
    folder = folder_with(tmp_path, {"source": "^/app", "destination": "backend"})

    result = entryway("check", str(folder))
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        'warning: xs-app.json at /routes/0/source: the source "^/app" also matches "/apps…"',
        "  → write ^/app(/.*)?$",
        "0 errors, 1 warning",
    ]
    assert entryway("check", "--strict", str(folder)).returncode == 2

    folder_with(tmp_path, {"source": "^/app/(.*)$", "destinaton": "backend"}, {"source": "(", "destination": "backend"})
    result = entryway("check", str(folder))
    assert result.returncode == 2
    assert "error: xs-app.json at /routes/0/destinaton: Additional properties not allowed" in result.stderr
    assert "  → did you mean destination?" in result.stderr
    assert "xs-app.json at /routes/1" in result.stderr


def test_check_says_that_all_is_well(tmp_path: Path):
    folder = folder_with(tmp_path, {"source": "^/app/(.*)$", "destination": "backend"})

    result = entryway("check", str(folder))

    assert (result.returncode, result.stderr) == (0, "no mistakes found\n")


def test_explain_says_what_becomes_of_a_request(tmp_path: Path):
    folder = folder_with(
        tmp_path,
        {"source": "^/public/(.*)$", "destination": "backend", "authenticationType": "none"},
        {"source": "^/app/(.*)$", "target": "/v1/$1", "destination": "backend", "scope": "$XSAPPNAME.Display"},
    )

    result = entryway("explain", "post", "http://localhost:5000/app/orders?x=1", "-w", str(folder))

    assert result.returncode == 0
    facts = dict(line.split(maxsplit=1) for line in result.stdout.splitlines()[1:])
    assert result.stdout.startswith("POST /app/orders?x=1 is forwarded to a backend\n")
    assert facts["route"] == "/routes/1  ^/app/(.*)$"
    assert facts["not"].startswith("/routes/0  ^/public/(.*)$")
    assert facts["to"] == "destination backend"
    assert facts["as"] == "/v1/orders?x=1"
    assert facts["login"].startswith("xsuaa; without a session")
    assert "$XSAPPNAME.Display" in facts["scope"]
    assert "x-csrf-token" in facts["csrf"]


def test_explain_as_json_is_for_programs(tmp_path: Path):
    folder = folder_with(tmp_path, {"source": "^/app/(.*)$", "destination": "backend"})

    result = entryway("explain", "GET", "/nowhere", "-w", str(folder), "--json")

    assert json.loads(result.stdout)["outcome"] == "not_found"


def test_explain_knows_the_application_around_the_router(tmp_path: Path):
    router = tmp_path / "web"
    router.mkdir()
    route = {"source": "^/app/(.*)$", "destination": "srv"}
    (router / "xs-app.json").write_text(json.dumps({"authenticationMethod": "none", "routes": [route]}))
    (tmp_path / "srv").mkdir()
    (tmp_path / "mta.yaml").write_text(
        """
ID: demo
version: 1.0.0
modules:
  - name: web
    type: approuter.nodejs
    path: web
    requires: [{name: api, group: destinations, properties: {name: srv, url: "~{url}"}}]
  - name: srv
    type: python
    path: srv
    parameters: {command: ./run}
    provides: [{name: api, properties: {url: "${default-url}"}}]
"""
    )

    result = entryway("explain", "GET", "/app/x", "-w", str(router))

    assert "at      http://localhost:5001/app/x" in result.stdout


def test_small_commands_import_little():
    heavy = {"structlog", "sqlalchemy", "httpx", "cryptography", "granian", "starlette", "jinja2"}

    assert not heavy & imported_by("version")


def test_the_router_starts_without_what_only_the_services_need(tmp_path: Path):
    # It ends at once, for there is nothing to serve, with everything imported that it needs.
    imported = imported_by("router", "-w", str(tmp_path))

    assert "entryway.router.build" in imported
    assert not {"sqlalchemy", "aiosqlite", "starlette", "granian", "argon2", "jinja2", "httpx"} & imported
    # Nor what only some routers need: for a store of sessions, an admin port, calls of services.
    assert not {"redis", "prometheus_client", "cryptography"} & imported


def test_the_token_for_pairing_is_no_argument():
    # Everybody on a machine can read the arguments of its processes.
    assert "--token " not in entryway("connector", "pair", "--help").stdout


def test_an_installation_without_the_command_line_says_how_to_get_it():
    # A finder that hides a module stands for an environment that does not have it.
    code = (
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer': raise ModuleNotFoundError('no typer', name='typer')\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from entryway.__main__ import main\n"
        "main()"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert result.returncode == 1
    assert result.stderr == "error: the command line needs typer; install it with: pip install 'entryway[server]'\n"


def test_mistakes_are_told_to_programs_as_json(tmp_path: Path):
    (tmp_path / "xs-app.json").write_text('{"rotues": []}')
    result = entryway("check", "--json", cwd=tmp_path)

    assert result.returncode == 2
    [mistake] = json.loads(result.stdout)
    assert (mistake["severity"], mistake["path"], mistake["suggestion"]) == ("error", "/rotues", "did you mean routes?")
    assert result.stderr == ""


def test_databases_that_cannot_be_used_are_said_in_clear_words(tmp_path: Path):
    data = tmp_path / "state" / "data"
    data.mkdir(parents=True)
    (data / "authserver.db").write_text("not a database at all")
    nowhere = "postgresql://somebody:secret@localhost:1/entryway_{service}"

    for damaged in (
        entryway("storage", "status", "--state", "state", cwd=tmp_path),
        entryway("storage", "status", cwd=tmp_path, ENTRYWAY_DATABASE_URL=nowhere),
    ):
        assert damaged.returncode == 2
        assert "cannot be used: " in damaged.stderr
        assert "Traceback" not in damaged.stderr
        assert "secret" not in damaged.stderr


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended, told_in_clear_words():
        (tmp_path / "nowhere" / "b.zip").write_bytes(b"")
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"error: {tmp_path}/nowhere/b.zip: No such file or directory\n"


def test_pairing_without_a_token_says_where_there_is_one(tmp_path: Path):
    (tmp_path / "token").write_text("\n")
    result = entryway("connector", "pair", "--url", "https://localhost:1", "--token-file", "token", cwd=tmp_path)
    assert result.returncode == 2
    assert "`entryway connector token` prints one" in result.stderr


def test_an_interruption_while_the_command_line_is_loaded_leaves_no_traceback():
    code = (
        "import sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from entryway.__main__ import main\n"
        "main()"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert (result.returncode, result.stderr) == (130, "")
