"""What the commands of administrators print: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def show_list(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, as_json: bool) -> None:
    """Print rows; `columns` names what to show, and the heading of each."""
    if as_json:
        _json(rows)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from entryway.telemetry.printable import printable

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in columns.values():
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(escape(printable(_text(row.get(name)))) for name in columns))
    # A pipe or a file has no width: nothing is cut off or broken there.
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=10_000)
    console.print(table)


def show_one(row: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing, a line for each of its parts."""
    if as_json:
        _json(row)
        return
    from rich.console import Console
    from rich.markup import escape

    from entryway.telemetry.printable import printable

    console = Console(highlight=False, soft_wrap=True)
    width = max(map(len, row), default=0)
    for name, value in row.items():
        console.print(f"[bold]{escape(name.ljust(width))}[/bold]  {escape(printable(_text(value)))}")


def _json(value: Any) -> None:
    from rich.console import Console

    Console(highlight=False, soft_wrap=True).print_json(json.dumps(value))


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        if "attributeName" in value:
            return _attribute(value)
        names = ("roleName", "username", "display", "value", "name")
        known = next((value[name] for name in names if name in value), None)
        return str(known) if known is not None else json.dumps(value)
    if isinstance(value, list | tuple):
        return ", ".join(_text(each) for each in value)
    return str(value)


def _attribute(value: Mapping[str, Any]) -> str:
    """Return a role's attribute with its values, or whom a mapping is about."""
    name = value["attributeName"]
    if "identityProvider" in value:
        return f"{name} {value['operator']} {value['attributeValue']} ({value['identityProvider']})"
    values = ", ".join(value["attributeValues"])
    return {"static": f"{name} = {values}", "idp": f"{name} from {values}"}.get(
        value["attributeValueOrigin"], f"{name} unrestricted"
    )
