"""The optional build: what it names exists, and what runs is either all compiled or all Python."""

import ast
import importlib
import os
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def named() -> tuple[str, ...]:
    tree = ast.parse((ROOT / "hatch_build.py").read_text())
    assigned = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    return ast.literal_eval(assigned["COMPILED"])


@pytest.mark.parametrize("module", named())
def test_a_compiled_module_exists_and_neither_opens_nor_waits(module):
    tree = ast.parse((ROOT / "src" / "entryway" / f"{module}.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Await | ast.AsyncFunctionDef)]


def test_all_of_it_is_of_one_kind():
    files = [importlib.import_module(f"entryway.{module.replace('/', '.')}").__file__ for module in named()]
    compiled = [file.endswith(tuple(EXTENSION_SUFFIXES)) for file in files]
    assert all(compiled) if "compiled" in os.environ.get("PYTHONPATH", "") else not any(compiled)
