"""`entryway storage`: the databases of a landscape."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from entryway.cli.log_settings import stay_quiet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entryway.storage.resealing import Resealed

EXAMPLES = "[bold]Examples[/bold]\n\n    entryway storage "
WHERE = "\n\nThe state folder says where the databases are, or ENTRYWAY_DATABASE_URL does."
app = typer.Typer(help="Migrate, back up and restore the databases of a landscape.", no_args_is_help=True)
State = Annotated[Path, typer.Option("--state", help="Folder of certificates, secrets and databases.")]
STATE = Path(".entryway")


@app.command(epilog=EXAMPLES + "status --state /var/lib/entryway" + WHERE)
def status(
    state: State = STATE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Say which revision each database has; ends with 1 when one is not the newest."""
    stay_quiet()
    from entryway.landscape import databases

    found = databases.status(state)
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2))
    for each in () if as_json else found:
        said = "not there" if each.found is None else "current" if each.is_current else f"not {each.newest}"
        typer.echo(f"{each.service:14}{each.found or '-':34}{said}")
    if any(each.found is not None and not each.is_current for each in found):
        raise typer.Exit(1)


@app.command(epilog=EXAMPLES + "migrate --state /var/lib/entryway" + WHERE)
def migrate(state: State = STATE) -> None:
    """Bring every database to this version, as each service does when it starts."""
    stay_quiet()
    from entryway.landscape import databases

    for service, outcome in databases.migrate(state):
        typer.echo(f"{service:14}{outcome.value}")


@app.command(epilog=EXAMPLES + "backup entryway-2026-11-22.zip" + WHERE)
def backup(file: Annotated[Path, typer.Argument(help="The file to write.")], state: State = STATE) -> None:
    """Write every database into one file, each as of one moment; what is sealed stays sealed."""
    stay_quiet()
    from entryway.landscape import databases

    for service, rows in databases.back_up(state, file).items():
        typer.echo(f"{service:14}{rows} rows")
    typer.echo(f"Keep {state / 'secrets.json'} in another place: nothing sealed in {file} opens without it.")


@app.command(epilog=EXAMPLES + "restore entryway-2026-11-22.zip" + WHERE)
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `entryway storage backup` wrote.")],
    state: State = STATE,
    force: Annotated[bool, typer.Option("--force", help="Replace what the databases hold.")] = False,
) -> None:
    """Fill the databases from a backup, on the same engine or the other, while no service runs."""
    stay_quiet()
    from entryway.landscape import databases

    for service, rows in databases.restore(state, file, force=force).items():
        typer.echo(f"{service:14}{rows} rows")


@app.command("rotate-master-key", epilog=EXAMPLES + "rotate-master-key --state /var/lib/entryway" + WHERE)
def rotate_master_key(state: State = STATE) -> None:
    """Make a new master key and seal the databases' keys with it, while everything runs."""
    stay_quiet()
    from entryway.landscape import databases

    for service, keys in databases.rotate_master_key(state).items():
        typer.echo(f"{service:14}{keys} sealed anew")


@app.command("replace-data-keys", epilog=EXAMPLES + "replace-data-keys --state /var/lib/entryway" + WHERE)
def replace_data_keys(state: State = STATE) -> None:
    """Make new keys for what is sealed in the databases and seal everything with them, while everything runs."""
    stay_quiet()
    from entryway.landscape import databases

    _tell(databases.replace_data_keys(state))


@app.command("reseal", epilog=EXAMPLES + "reseal --end-older-keys --state /var/lib/entryway" + WHERE)
def reseal(
    state: State = STATE,
    end_older_keys: Annotated[
        bool, typer.Option("--end-older-keys", help="Let older keys open nothing any more, if nothing is left of them.")
    ] = False,
) -> None:
    """Go on where `replace-data-keys` was interrupted, and seal anew what was sealed with an older key since."""
    stay_quiet()
    from entryway.landscape import databases

    _tell(databases.reseal(state, end_older_keys=end_older_keys))


def _tell(done: "Mapping[str, Resealed]") -> None:
    for service, each in done.items():
        unopened = f", {each.unopened} do not open: see the log" if each.unopened else ""
        typer.echo(f"{service:14}{each.values} values sealed anew{unopened}")
    if any(each.unopened for each in done.values()):
        raise typer.Exit(1)
