"""The compiled build: what it names can be compiled, and what runs is either all compiled or all Python."""

import ast
import importlib
import importlib.util
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


def named() -> tuple[str, ...]:
    tree = ast.parse((ROOT / "hatch_build.py").read_text())
    assigned = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    return ast.literal_eval(assigned["COMPILED"])


@pytest.mark.parametrize("module", named())
def test_a_compiled_module_exists_and_holds_nothing_that_cannot_be_compiled(module):
    tree = ast.parse((ROOT / "src" / "entryway" / f"{module}.py").read_text())
    generators = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef) and any(isinstance(inner, ast.Yield) for inner in ast.walk(node))
    ]
    bases = [ast.unparse(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases]
    assert not generators
    assert not [base for base in bases if base.startswith("asyncio.")]


def test_all_of_it_is_of_one_kind():
    files = [importlib.import_module(f"entryway.{module.replace('/', '.')}").__file__ for module in named()]
    compiled = [file.endswith(tuple(EXTENSION_SUFFIXES)) for file in files]
    assert all(compiled) if "compiled" in os.environ.get("PYTHONPATH", "") else not any(compiled)


def test_a_wheel_is_compiled_where_it_can_be_and_nobody_says_no(monkeypatch):
    # Of hatchling, which is there while a wheel is built, nothing but a class to inherit from is needed here.
    interface = SimpleNamespace(BuildHookInterface=object)
    monkeypatch.setitem(sys.modules, "hatchling.builders.hooks.plugin.interface", interface)
    spec = importlib.util.spec_from_file_location("hook", ROOT / "hatch_build.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    monkeypatch.delenv("ENTRYWAY_COMPILE", raising=False)
    monkeypatch.setenv("CC", sys.executable)  # any program that exists
    monkeypatch.setattr(hook.Path, "exists", lambda _path: True)
    assert hook._wanted()
    monkeypatch.setenv("CC", "no-such-compiler")
    assert not hook._wanted()
    monkeypatch.setenv("ENTRYWAY_COMPILE", "1")
    assert hook._wanted()
    monkeypatch.setenv("ENTRYWAY_COMPILE", "0")
    monkeypatch.setenv("CC", sys.executable)
    assert not hook._wanted()
