"""The table of commands; each imports what it runs only when it runs, so that the small ones start at once."""

import sys
from typing import Annotated

import typer

from entryway.cli import (
    administration,
    audit,
    check,
    connectivity,
    connector,
    env,
    explain,
    export,
    identity,
    idp,
    router,
    services,
    storage,
    token,
    up,
    version,
)
from entryway.cli.outcome import told_in_clear_words

HELP = """The entry to an application and everything that stands behind its login.

Start with [bold]entryway up[/bold] in a folder that has an mta.yaml or a manifest.yml.
"""
EPILOG = "Exit codes: 0 done, 1 failed, 2 a mistake in the configuration or in the command, 130 interrupted."

app = typer.Typer(
    name="entryway",
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def before_commands(
    _version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=version.show_and_end, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Hold the options that stand before a command; the help is the application's own."""


app.command("up", epilog=up.EPILOG)(up.up)
app.command("check", epilog=check.EPILOG)(check.check)
app.command("explain", epilog=explain.EPILOG)(explain.explain)
app.command("export", epilog=export.EPILOG)(export.export)
app.command("env", epilog=env.EPILOG)(env.env)
app.command("token", epilog=token.EPILOG)(token.token)
app.command("router", epilog=router.EPILOG)(router.router)
app.command("services", epilog=services.EPILOG)(services.services)
app.command("idp", epilog=idp.EPILOG)(idp.idp)
app.command("connectivity", epilog=connectivity.EPILOG)(connectivity.connectivity)
app.add_typer(identity.app, name="identity")
app.add_typer(connector.app, name="connector")
app.add_typer(storage.app, name="storage")
app.add_typer(audit.app, name="audit")
for name, group in administration.GROUPS.items():
    app.add_typer(group, name=name)
app.command("version")(version.version)


def main() -> None:
    """Run the command that the arguments name and end with its exit code."""
    with told_in_clear_words():
        # Also for `python -m entryway`.
        app(prog_name="entryway")
    sys.exit(0)
