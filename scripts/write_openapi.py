#!/usr/bin/env python3
"""Write the descriptions of the administrators' interfaces anew: docs/reference/*.openapi.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from entryway.authserver.rest.build import Administration
from entryway.authserver.rest.openapi import document
from entryway.idp.admin import openapi

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def main() -> None:
    nothing: Any = None  # the operations are described, and none is asked
    parts = [nothing] * len(Administration.__dataclass_fields__)
    described = document(Administration(*parts).interfaces())
    _write("administration", described)
    _write("identity-provider", openapi.document())


def _write(name: str, described: dict[str, Any]) -> None:
    file = REFERENCE / f"{name}.openapi.json"
    file.write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
