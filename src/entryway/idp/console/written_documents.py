"""Settings that administrators write as documents of JSON."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from entryway.idp.errors import InvalidValue

_Document = TypeVar("_Document", bound=BaseModel)


def read_document(kind: type[_Document], written: str) -> _Document:
    """Return a document, or raise InvalidValue with everything that is wrong with it."""
    try:
        return kind.model_validate_json(written or "{}")
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
            for found in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise InvalidValue("settings", "; ".join(wrong)) from error


def shown_document(document: dict[str, Any]) -> str:
    """Return a document as it is shown, to be changed."""
    return json.dumps(document, indent=2, ensure_ascii=False)
