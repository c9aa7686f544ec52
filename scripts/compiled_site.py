#!/usr/bin/env python3
"""Build the wheel that users get where there is a compiler, and unpack it: prints the folder, for PYTHONPATH.

scripts/compiled_site.py

It is built into build/compiled, again only if something of the package has changed since.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "compiled"
SITE = FOLDER / "site"


def is_current(site: Path) -> bool:
    """Tell whether nothing that goes into the wheel is younger than what was unpacked for this Python."""
    libraries = list(site.glob(f"*mypyc*{sys.implementation.cache_tag}*"))
    if not libraries:
        return False
    built = min(library.stat().st_mtime for library in libraries)
    sources = [ROOT / "pyproject.toml", ROOT / "hatch_build.py", *(ROOT / "src").rglob("*")]
    return all(source.stat().st_mtime < built for source in sources if "__pycache__" not in source.parts)


def build() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(FOLDER), str(ROOT)]
    subprocess.run(command, check=True, env=os.environ | {"ENTRYWAY_COMPILE": "1"}, stdout=sys.stderr)
    (wheel,) = FOLDER.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(SITE)  # files are as old as their sources, but for those that were compiled


def main() -> None:
    if not is_current(SITE):
        build()
    sys.stdout.write(f"{SITE}\n")


if __name__ == "__main__":
    main()
