from __future__ import annotations

import json
from pathlib import Path

from entryway.idp.admin import openapi
from entryway.idp.admin.api import AdminApi

FILE = Path(__file__).parents[3] / "docs" / "reference" / "identity-provider.openapi.json"


def test_the_description_is_the_one_that_is_written_down() -> None:
    """`scripts/write_openapi.py` writes it anew."""
    assert json.loads(FILE.read_text("utf-8")) == openapi.document()


def test_everything_that_answers_is_described() -> None:
    described = {(method.upper(), path) for path, methods in openapi.document()["paths"].items() for method in methods}
    nothing = [None] * len(AdminApi.__dataclass_fields__)
    for route in AdminApi(*nothing).routes():  # type: ignore[arg-type]
        path = route.path.replace(":path}", "}")
        for method in (route.methods or set()) - {"HEAD"}:
            names = (
                {path}
                if "{name}" not in path
                else {path.replace("{name}", name) for name in ("password-policy", "self-service", "logins")}
            )
            assert {(method, name) for name in names} <= described
