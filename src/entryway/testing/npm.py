"""npm packages that a test drives, installed from its own lock file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def install(folder: Path, package: str) -> None:
    """Install what the lock file of `folder` names, unless `package` is there."""
    if (folder / "node_modules" / package).is_dir():
        return
    npm = shutil.which("npm")
    assert npm, "npm is missing: `make test` and `make interop` install it"
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=110)
    assert ran.returncode == 0, ran.stderr
