"""The documents stay true: links lead somewhere, commands exist, nothing names a machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


DOCUMENTS = tracked("*.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    broken = [
        target for target in targets if "://" not in target and not (document.parent / target).exists()
    ]  # fmt: skip
    assert broken == []


def test_the_make_targets_that_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {
        (document.name, target)
        for document in DOCUMENTS
        for target in re.findall(r"`make ([a-z]+)", document.read_text(encoding="utf-8"))
    }
    assert named
    assert {(name, target) for name, target in named if target not in targets} == set()


def test_the_commands_that_documents_name_exist() -> None:
    from entryway.cli import app  # noqa: PLC0415

    existing = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    existing |= {group.name for group in app.registered_groups}
    named = {
        (document.name, command)
        for document in DOCUMENTS
        for command in re.findall(r"`entryway ([a-z][a-z-]*)", document.read_text(encoding="utf-8"))
    }
    assert named
    assert {(name, command) for name, command in named if command not in existing} == set()


def test_nothing_names_a_machine() -> None:
    folders = re.compile(r"/(?:work|farm|root|home/\w+)/[\w.]")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked("*.py", "*.md", "*.toml", "*.yaml", "*.yml", "*.json", "Makefile", "scripts/*")
        if path.name != Path(__file__).name
        for match in folders.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []
