"""What is written for proxies means what JavaScript means; the judge is Python, which knows the syntax that is used."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.js_regex import RegexRefused, compile_js
from entryway.config.js_regex_dialects import pcre, re2

SOURCES = [
    "^/a/(.*)$",
    r"^/a\.b/([^/]+)/?$",
    r"/\d{2,4}(?:x|y)*\w+?\s?",
    r"^/q\?v=(\d+)(?:&|$)",
    r"^/(a|b)(?:c)?[^a-c\d]\b",
    r"[\w-]+[\]\\^-]",
    "^$",
    "[]",
    "[^]x",
    r"\x41é\u00ff",
]
LETTERS = st.text(alphabet="/abcxyAB01?&=v.-_ \\]^é\u00ff\n\r\t", max_size=12)


def judged(written: str) -> re.Pattern[str]:
    return re.compile(written.replace(r"\z", r"\Z").replace(r"\x{100}-\x{10ffff}", ""), re.ASCII)


@pytest.mark.parametrize("ignore_case", [False, True])
@pytest.mark.parametrize("source", SOURCES)
@given(text=LETTERS)
def test_it_finds_what_javascript_finds(source: str, *, ignore_case: bool, text: str):
    regex = compile_js(source, ignore_case=ignore_case)
    expected = regex.pattern.search(text)
    for write in (pcre, re2):
        found = judged(write(regex)).search(text)
        assert (found and found.span()) == (expected and expected.span())


def test_only_harmless_characters_are_written():
    regex = compile_js("^/\"'; {}$#\\n\\t\\\\é%")
    for write in (pcre, re2):
        assert re.fullmatch(r"[A-Za-z0-9/_\\()\[\]?:*+{},|^-]+", write(regex))


@pytest.mark.parametrize(
    ("source", "reason"),
    [(r"^/(a)\1", "back references"), ("^/(?=a)", "looking ahead or behind"), ("^/(?<!a)", "looking ahead or behind")],
)
def test_what_re2_leaves_out_is_named(source: str, reason: str):
    with pytest.raises(RegexRefused, match=reason):
        re2(compile_js(source))


def test_pcre_looks_ahead_but_not_behind():
    assert pcre(compile_js(r"^/(?:(a)|c)\1(?!b)")) == r"\A/(?:(?:(a)|c))(?(1)\1)(?!b)"
    with pytest.raises(RegexRefused, match="one length"):
        pcre(compile_js("^/(?<=a)b"))
