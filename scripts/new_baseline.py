#!/usr/bin/env python3
"""Write a service's baseline revision anew from its tables: scripts/new_baseline.py SERVICE [SERVICE ...].

Until the first release each service has this one revision, and whoever changes tables runs this. Afterwards a change
of tables is a further revision, and the baseline stays as it is.
"""

from __future__ import annotations

import importlib
import subprocess
import sys

from alembic import command
from sqlalchemy import create_engine

from entryway.storage.revisions import alembic_config
from entryway.storage.schema import Schema


def write(schema: Schema) -> None:
    schema.revisions.mkdir(exist_ok=True)
    for file in schema.revisions.glob("[0-9]*.py"):
        file.unlink()
    with create_engine("sqlite://").connect() as connection:
        config = alembic_config(connection, schema)
        config.set_main_option("file_template", "0001_baseline")
        command.revision(config, "Baseline: every table of the service.", autogenerate=True, rev_id=schema.baseline)
    file = schema.revisions / "0001_baseline.py"
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(file)], check=True)
    subprocess.run([sys.executable, "-m", "ruff", "check", "--quiet", "--fix", str(file)], check=True)


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(__doc__)
    for service in sys.argv[1:]:
        write(importlib.import_module(f"entryway.{service}.schema").SCHEMA)
