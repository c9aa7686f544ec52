"""Expressions that could keep `re` busy go to RE2, which finds the same; what neither can do fast is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from entryway.config.js_regex import JsRegex, RegexRefused, compile_js, compile_template
from entryway.config.js_regex_engines import backtracking, linear
from entryway.config.js_regex_syntax import parse

SLASHES = "/" * 16384
ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "/",
        ".",
        r"\.",
        "[ab]",
        "[^a]",
        "[^/]",
        r"\d",
        r"\w",
        r"\W",
        r"\s",
        "é",
        "[^é]",
        r"\u0131",
        "k",
        "[]",
        "[^]",
    ]
)
PLACES = st.sampled_from(["^", "$", r"\b"])
TIMES = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?", "{2,}"])


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.builds("{}{})".format, st.sampled_from(["(", "(?:", "(?:", "("]), inner)
    choice = st.builds("(?:{}|{})".format, inner, inner)
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        group,
        choice,
        st.builds("{}{}".format, st.one_of(ATOMS, group, choice), TIMES),
    )


SOURCES = st.recursive(st.one_of(ATOMS, ATOMS, PLACES), larger, max_leaves=8)
# Letters that fold to others beyond ASCII, a line end of Unicode, and a character beyond U+FFFF; without two signs that
# RE2 takes for k and s where case is ignored, which no request has.
TEXTS = st.lists(st.text("ab/.1_AK \n\u2028é\u00c9\u0131é\U0001f600", max_size=12), min_size=3, max_size=3)


def is_re2(regex: JsRegex) -> bool:
    return type(regex.pattern).__module__ == "re2"


@settings(max_examples=400)
@given(SOURCES, TEXTS, st.booleans())
def test_both_engines_find_the_same_groups_at_the_same_places(source: str, texts: list[str], ignore_case: bool):  # noqa: FBT001
    try:
        compile_js(source, ignore_case=ignore_case)
    except RegexRefused:
        assume(False)
    root = parse(source).root
    one, other = backtracking(root, ignore_case=ignore_case), linear(root, ignore_case=ignore_case)
    assert one.groups == other.groups
    for text in texts:
        expected, found = one.search(text), other.search(text)
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            every = range(one.groups + 1)
            assert [found.span(group) for group in every] == [expected.span(group) for group in every]
            assert [found[group] for group in every] == [expected[group] for group in every]
            assert found.groups() == expected.groups()


@pytest.mark.parametrize(
    "source",
    [
        "/(.*)/(.*)/x$",
        "^/(.*)/(.*)/x$",
        "(.*)x$",
        "/+x",
        "(?:/[^a]*)x",
        ".*/odata/.*",
        "(?:|){16}(?:|){16}x",
        "/?" * 30 + "/" * 30 + "x",
        "(?:(?:/|/){16}){16}x",
        "(?:/{1,300})(?:/{1,300})x",
    ],
)
def test_what_could_keep_re_busy_is_matched_in_one_pass(source: str):
    regex = compile_js(source)
    assert is_re2(regex)
    assert regex.pattern.search(SLASHES) is None  # to backtrack would take minutes, and some of them forever


@pytest.mark.parametrize(
    "source",
    [
        "^/(.*)$",
        "/api/(.*)",
        "^/a/(.*)/(.*)$",
        r"^/odata/(.*)(\?.*)?$",
        r"^/(.*)\.(js|css)$",
        "^/(?!api/)(.*)$",
        "^((?!/api/).)*$",
        r"^(?!.*\.js$).*$",
        r"^/v[0-9]/([a-z0-9-]+)/items/(\d{1,9})(\?.*)?$",
        "^(.*)-app[.]example[.]com$",
        "^/a|^/b",
        r"^(\d{1,3}\.){3}\d{1,3}$",
        r"^/(a|b)\1$",
    ],
)
def test_what_is_linear_anyway_stays_with_re(source: str):
    regex = compile_js(source)
    assert not is_re2(regex)
    for text in (SLASHES, "/api" * 4096, "a" * 16384, "1." * 8192):
        regex.pattern.search(text)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("^/(?=.*a)(.*)/(.*)x$", "linear time: RE2 has no looking ahead or behind"),
        (r"^(.*)/\1$", "linear time: RE2 has no back references"),
        ("(?!.*x)y", "looking ahead"),
        ("()" + "".join(rf"(\{group}\{group})" for group in range(1, 60)), "linear time: RE2 has no back references"),
        (r".*\B.*x", r"\\B is not supported"),
        ("([^/]{1,900})(.*)[^/]{1,900}x", "too large|no equivalent"),
        ("((((.{16}){16}){16}){4})x", "exponentially|no equivalent"),
    ],
)
def test_what_neither_engine_does_fast_is_refused(source: str, reason: str):
    with pytest.raises(RegexRefused, match=reason):
        compile_js(source)


def test_a_replacement_fills_in_what_re2_found():
    regex = compile_js("/(?<first>.*)/(.*)/x(y)?$")
    assert is_re2(regex)
    found = regex.pattern.search("é/a/b/c/x")
    assert found is not None
    assert compile_template("$2-$<first>-$3-$`", regex).expand(found) == "c-a/b--é"


def test_re2_is_loaded_where_it_is_needed_alone():
    program = (
        "import sys; from entryway.config.js_regex import compile_js; compile_js('^/(.*)/(.*)$');"
        "assert 're2' not in sys.modules; compile_js('/(.*)/x'); assert 're2' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
