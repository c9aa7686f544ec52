"""The command `entryway`, also as `python -m entryway`."""

from __future__ import annotations

import sys

# What the command line itself needs; `pip install entryway` alone brings the security library without it.
NEEDED = frozenset({"pydantic", "rich", "structlog", "typer"})
INTERRUPTED = 130


def main() -> None:
    """Run the command line, or say how to install what it needs."""
    try:
        from entryway.cli import main as run  # noqa: PLC0415 - what it imports may be missing
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        sys.exit(f"error: the command line needs {error.name}; install it with: pip install 'entryway[server]'")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)  # while it was still being loaded
    run()


if __name__ == "__main__":
    main()
