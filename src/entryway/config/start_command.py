"""How a module is started when its descriptor leaves that to what lies in its folder, as platforms do."""

from __future__ import annotations

import re
from pathlib import Path

_WEB = re.compile(r"^web:\s*(?P<command>.+?)\s*$", re.MULTILINE)


def find_command(folder: Path) -> str | None:
    """Return the `web` command of a Procfile, else `npm start` for a Node.js package."""
    try:
        procfile = _WEB.search((folder / "Procfile").read_text("utf-8"))
    except (OSError, ValueError):
        procfile = None
    if procfile:
        return procfile["command"]
    return "npm start" if (folder / "package.json").is_file() else None


def is_router_folder(folder: Path) -> bool:
    """Return whether a folder holds what an application router serves."""
    return (folder / "xs-app.json").is_file()
