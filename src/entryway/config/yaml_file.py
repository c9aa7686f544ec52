"""YAML files: read safely, and a key that is written twice is a mistake instead of a surprise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from entryway.config.mistakes import Mistake
from entryway.config.schema import wrong_type

SIZE_LIMIT = 1024 * 1024
# Real files of this kind have none or a handful; a document made of aliases grows without bounds when it is read.
ALIAS_LIMIT = 200
# A few aliases of aliases are enough for that: nine times nine, nine times over, are 387 million values.
VALUE_LIMIT = 1_000_000


class _Unreadable(Exception):
    """The file cannot be read as YAML."""


class _Loader(yaml.SafeLoader):
    """The safe loader, which also notices what is written twice."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.twice: list[tuple[str, int]] = []
        self.aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > ALIAS_LIMIT:
                raise yaml.YAMLError(f"more than {ALIAS_LIMIT} aliases")
        return super().compose_node(parent, index)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        if isinstance(value, str) and "\0" in value:
            # No name of a file and no environment variable may hold it.
            raise yaml.YAMLError(f"a text in line {node.start_mark.line + 1} holds the character NUL")
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as PyYAML has it
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    self.twice.append((key.value, key.start_mark.line + 1))
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml_object(path: Path, file: str) -> tuple[dict[str, Any] | None, list[Mistake]]:
    """Return the object that a file holds (an empty one for an empty file), and what is wrong with the file as such."""
    try:
        content, mistakes = _load(_text(path), file)
    except OSError as error:
        return None, [Mistake(file, "", f"cannot be read: {error.strerror}")]
    except _Unreadable as error:
        return None, [Mistake(file, "", str(error))]
    if content is None:
        content = {}
    if not isinstance(content, dict):
        return None, [*mistakes, Mistake(file, "", wrong_type(content, "object"))]
    return content, mistakes


def _text(path: Path) -> str:
    raw = path.read_bytes()
    if len(raw) > SIZE_LIMIT:
        raise _Unreadable(f"is larger than {SIZE_LIMIT} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _Unreadable("is not UTF-8 text") from None


def _load(text: str, file: str) -> tuple[Any, list[Mistake]]:
    try:
        loader = _Loader(text)
        content = loader.get_single_data()
        _check_values(loader, content)
    except yaml.MarkedYAMLError as error:
        raise _Unreadable(f"is not YAML: {_where(error)}") from error
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise _Unreadable(f"is not YAML: {error or type(error).__name__}") from error
    return content, [
        Mistake(file, "", f'the key "{key}" is written twice in one object (line {line})', "keep one of them")
        for key, line in loader.twice
    ]


def _check_values(loader: _Loader, content: Any) -> None:
    if loader.aliases and _values(content, {}) > VALUE_LIMIT:
        raise yaml.YAMLError(f"more than {VALUE_LIMIT} values, with what aliases stand for")


def _values(content: Any, known: dict[int, int]) -> int:
    """Return how many values there are when each alias is what it stands for, without writing that down."""
    if not isinstance(content, dict | list):
        return 1
    count = known.get(id(content))
    if count is None:
        known[id(content)] = VALUE_LIMIT  # for one that holds itself there is no end
        inside = content.values() if isinstance(content, dict) else content
        count = known[id(content)] = 1 + sum(_values(each, known) for each in inside)
    return count


def _where(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "cannot be understood"
    mark = error.problem_mark or error.context_mark
    return f"{problem} at line {mark.line + 1}, column {mark.column + 1}" if mark else problem
