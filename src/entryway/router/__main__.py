"""`python -m entryway.router -w DIR`: a router without the rest of the command line."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from entryway.lean_start import load_structlog


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="entryway.router", description="Runs the application router.")
    parser.add_argument("-w", "--workdir", default=".", help="the folder with xs-app.json (default: this one)")
    arguments = parser.parse_args()
    load_structlog()
    from entryway.router.run import run  # noqa: PLC0415 - loads structlog
    from entryway.telemetry import configure_logging  # noqa: PLC0415

    configure_logging(json=os.environ.get("ENTRYWAY_LOG_FORMAT", "json") == "json")
    return run(Path(arguments.workdir), os.environ)


if __name__ == "__main__":
    sys.exit(main())
