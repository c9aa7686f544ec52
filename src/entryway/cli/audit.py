"""`entryway audit`: the audit trail."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from entryway.cli.log_settings import stay_quiet

EXAMPLES = "[bold]Examples[/bold]\n\n    entryway audit "
app = typer.Typer(help="Read and check who changed or tried what.", no_args_is_help=True)
State = Annotated[Path, typer.Option("--state", help="Folder of certificates, secrets and databases.")]
Service = Annotated[str, typer.Option("--service", help="authserver, idp or connectivity.")]
STATE = Path(".entryway")


@app.command("list", epilog=EXAMPLES + "list --limit 20\n\n    entryway audit list --tenant 2f6ad5f0-… --json")
def list_entries(  # noqa: PLR0917 - options are named
    state: State = STATE,
    service: Service = "authserver",
    tenant: Annotated[str | None, typer.Option(help="Entries of this zone id alone.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Entries after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many, the newest ones.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List entries, the newest last."""
    stay_quiet()
    from entryway.landscape import databases
    from entryway.telemetry.printable import printable

    found = databases.audit_entries(state, service, zid=tenant, after=after, limit=limit, newest_first=True)
    for entry in reversed(found):
        told = {**entry, "at": entry["at"].isoformat(), "digest": entry["digest"].hex()}
        if as_json:
            typer.echo(json.dumps(told))
        else:
            details = json.dumps(entry["details"]) if entry["details"] else ""
            what = f"{entry['event']} {entry['object_type']} {entry['object_id']}"
            line = f"{entry['number']:>7} {told['at'][:19]} {entry['actor']}: {what} {details}"
            typer.echo(printable(line.rstrip()))


@app.command(epilog=EXAMPLES + "verify --service idp")
def verify(state: State = STATE, service: Service = "authserver") -> None:
    """Check that no entry was changed, removed or slipped in; ends with 1 if one was."""
    stay_quiet()
    from entryway.landscape import databases

    found = databases.verify_audit(state, service)
    if found.broken_at is not None:
        typer.echo(f"The trail does not hold from entry {found.broken_at} on.", err=True)
        raise typer.Exit(1)
    since = f"; those up to {found.removed} were removed because of their age" if found.removed else ""
    typer.echo(f"{found.entries} entries hold; the last one is {found.head or 'none'}{since}.")


@app.command(epilog=EXAMPLES + "prune --older-than 400")
def prune(
    older_than: Annotated[int, typer.Option("--older-than", min=1, help="Days that entries are kept.")],
    state: State = STATE,
    service: Service = "authserver",
) -> None:
    """Remove the oldest entries; the trail tells that it was done, and the rest can still be checked."""
    stay_quiet()
    from entryway.landscape import databases
    from entryway.storage.moments import utc_now

    removed = databases.remove_audit_entries(state, service, utc_now() - timedelta(days=older_than))
    typer.echo(f"{removed} entries removed.")
