"""Routes mean to the router what they mean to JavaScript: Node.js is asked about the same expressions and texts."""

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from entryway.config.js_regex import RegexRefused, compile_js, compile_template

ATOMS = [
    "a",
    "b",
    "/",
    ".",
    r"\d",
    r"\w",
    r"\s",
    r"\b",
    "[ab]",
    "[^/]",
    "[a-c]",
    r"[\w-]",
    r"\/",
    "(a)",
    "(b|c)",
    "(?:ab)",
    "(?=a)",
    "(?!b)",
    "^",
    "$",
    "(a)?",
    r"\1",
    "x{2}",
    "{",
    "}",
    "]",
    "-",
    "[^]",
    r"\D",
    r"\W",
    r"\S",
    "(?<n>c)",
    r"\k<n>",
    "|",
    "(.*)",
    "([^/]+)",
    r"\x61",
    r"\0",
    r"\cA",
    r"[\b]",
    "a{1,}",
    r"\-",
    r"\.",
    "(?<=a)",
    "(?<!b)",
    r"\B",
    r"\c",
    r"\u0061",
    r"\ud83d",
    "(|a)",
    "(?:a|)",
    "()",
    "[]",
    "{1",
    "(?:(a)|b)*",
    "\u2028",
    "😀",
]
QUANTIFIERS = ["", "", "", "*", "+", "?", "{1,2}", "*?", "+?", "??", "{0}"]
TEMPLATES = ["$1", "/x/$1$2", "$$1", "[$&]", "$`|$'", "$10", "$<n>", "$0", "$01"]
SCRIPT = """
const cases = JSON.parse(require("fs").readFileSync(process.argv[1]));
console.log(JSON.stringify(cases.map(([source, ignoreCase, template, text]) => {
  try { return text.replace(new RegExp(source, ignoreCase ? "i" : ""), template); } catch { return null; }
})));
"""


def cases() -> list[tuple[str, bool, str, str]]:
    chance = random.Random(20261122)

    def source() -> str:
        return "".join(chance.choice(ATOMS) + chance.choice(QUANTIFIERS) for _ in range(chance.randint(1, 5)))

    def text() -> str:
        return "".join(chance.choice("aabbc/x.1 -_?\n\u2028\u00a0{}]") for _ in range(chance.randint(0, 8)))

    return [(source(), chance.random() < 0.3, chance.choice(TEMPLATES), text()) for _ in range(5000)]


def javascript(asked: list[Any], folder: Path) -> list[str | None]:
    node = shutil.which("node")
    if node is None:
        pytest.fail("Node.js is needed: install the package nodejs")
    file = folder / "cases.json"
    file.write_text(json.dumps(asked))
    answer = subprocess.run([node, "-e", SCRIPT, str(file)], capture_output=True, text=True, check=True, timeout=60)
    answers: list[str | None] = json.loads(answer.stdout)
    return answers


def test_a_source_and_its_target_rewrite_as_in_javascript(tmp_path: Path):
    asked = cases()
    compared = 0
    for (source, ignore_case, template, text), expected in zip(asked, javascript(asked, tmp_path), strict=True):
        try:
            regex = compile_js(source, ignore_case=ignore_case)
        except RegexRefused:
            continue  # refusing is allowed, meaning something else is not
        assert expected is not None, f"JavaScript refuses {source!r}"
        found = regex.pattern.search(text)
        rewritten = text
        if found is not None:
            rewritten = text[: found.start()] + compile_template(template, regex).expand(found) + text[found.end() :]
        assert rewritten == expected, (source, ignore_case, template, text)
        compared += 1
    assert compared > len(asked) / 3
