#!/usr/bin/env python3
"""Write the description of the administrators' interfaces anew: docs/reference/administration.openapi.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from entryway.authserver.rest.build import Administration
from entryway.authserver.rest.openapi import document

FILE = Path(__file__).parents[1] / "docs" / "reference" / "administration.openapi.json"


def main() -> None:
    nothing: Any = None  # the operations are described, and none is asked
    parts = [nothing] * len(Administration.__dataclass_fields__)
    described = document(Administration(*parts).interfaces())
    FILE.write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
