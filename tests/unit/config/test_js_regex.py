"""JavaScript's regular expressions and replacement rules keep their meaning; what cannot is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.js_regex import RegexRefused, compile_js, compile_template


def groups(source: str, text: str, *, ignore_case: bool = False) -> tuple[str | None, ...] | None:
    found = compile_js(source, ignore_case=ignore_case).pattern.search(text)
    return None if found is None else (found[0], *found.groups())


def replaced(source: str, template: str, text: str) -> str:
    regex = compile_js(source)
    found = regex.pattern.search(text)
    assert found is not None
    return text[: found.start()] + compile_template(template, regex).expand(found) + text[found.end() :]


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("^/a/(.*)$", "/a/b?c=d", ("/a/b?c=d", "b?c=d")),
        ("a$", "a\n", None),  # Python's $ would match before the line feed
        ("a.b", "a\nb", None),
        ("a.b", "a\u2028b", None),
        ("^/[^/]+/x$", "/abc/x", ("/abc/x",)),
        (r"\d+", "\u0664", None),  # an Arabic digit is no \d in JavaScript
        (r"\w", "ä", None),
        (r"\s", "\ufeff", ("\ufeff",)),
        (r"[\s]", "\u2003", ("\u2003",)),
        (r"\S", "\ufeff", None),
        (r"[\w-]+", "a-b", ("a-b",)),
        (r"[\w-x]+", "-x", ("-x",)),
        ("[^]", "\n", ("\n",)),
        ("[]", "a", None),
        ("[[]", "[", ("[",)),
        ("a{,2}", "a{,2}", ("a{,2}",)),
        ("a{2}", "aa", ("aa",)),
        ("x{a}", "x{a}", ("x{a}",)),
        (r"\/a\-b", "/a-b", ("/a-b",)),
        (r"\A", "A", ("A",)),  # an identity escape, not an anchor
        (r"\Z", "Z", ("Z",)),
        (r"\x41\u0042\cJ", "AB\n", ("AB\n",)),
        (r"(a)\1", "aa", ("aa", "a")),
        (r"^(?:(a)|c)\1b", "cb", ("cb", None)),  # a group that took no part is empty
        (r"(a){0}b\1", "ab", ("b", None)),
        (r"(?<year>\d{4})-\k<year>", "2026-2026", ("2026-2026", "2026")),
        ("(?:ab)+?", "abab", ("ab",)),
        ("^/(?!api/)(.*)$", "/web/x", ("/web/x", "web/x")),
        ("^/(?!api/)(.*)$", "/api/x", None),
        ("(?<=/)b", "/b", ("b",)),
        ("[&&~~||x-]", "&", ("&",)),
    ],
)
def test_means_what_it_means_in_javascript(source: str, text: str, expected: tuple[str | None, ...] | None):
    assert groups(source, text) == expected


def test_case_is_ignored_for_ascii_letters_only():
    assert groups("^/Ab", "/aB", ignore_case=True) == ("/aB",)
    assert groups("K", "\u212a", ignore_case=True) is None  # the Kelvin sign
    assert groups("^/Ab", "/aB") is None


@pytest.mark.parametrize(
    "source",
    [
        "(a",
        "a)",
        "[a",
        "a**",
        "*a",
        "a{2,1}",
        "+",
        "(?i)a",
        "(?<a>x)(?<a>y)",
        "\\",
        r"\k<x>(?<y>a)",
        r"(a)\2",
        r"\p{L}",
        r"\1(a)",
        r"(a\1)",
        "[b-a]",
        r"[\1]",
        "(?>a)",
        "a{1001}",
        "^*",
        r"[\S]",
        r"\01",
        "(?<=a*)b",
        r"\c",
        r"[\c1]",
        r"\ud83d",
        "😀?",
        "(|a)?",
        "(?:a??)*",
    ],
)
def test_what_is_wrong_or_untranslatable_is_refused(source: str):
    with pytest.raises(RegexRefused):
        compile_js(source)


@pytest.mark.parametrize(
    "source",
    [
        "^(a+)+$",
        "(a|a)*b",
        "(.*)*",
        "(x+x+)+y",
        "^(([a-z])+.)+[A-Z]$",
        "(a*b*)*c",
        "(a|ab|b)*c",
        r"^(\w+\s?)*$",
        "(?!(a+)+$)x",
        "([a-z]{1,50}){1,50}x",
        "(?:a?){20}(?:a?a?)*b",
    ],
)
def test_what_could_take_exponential_time_is_refused(source: str):
    with pytest.raises(RegexRefused, match="exponentially"):
        compile_js(source)


@pytest.mark.parametrize(
    "source",
    [
        "^/((?:[^/]+/)*)x$",
        r"^(\d{1,3}\.){3}\d{1,3}$",
        "^/a/(.*)/(.*)$",
        "(ab)*c",
        "^(?:a|b)*$",
        "(?:[a-z]+-)*x",
        r"^/odata/v[24]/([^?]*)(\?.*)?$",
        "a+b+c+",
    ],
)
def test_nested_repetition_without_ambiguity_is_fine(source: str):
    compile_js(source)


@pytest.mark.parametrize("source", ["(?:(a)|b)*", "(?:a(b)?)+", "(.*){1,2}", "(?:(a*)b?)*c"])
def test_a_capture_that_javascript_would_forget_is_refused(source: str):
    with pytest.raises(RegexRefused, match=r"captured|exponentially"):
        compile_js(source)


@pytest.mark.parametrize(
    ("source", "template", "text", "expected"),
    [
        ("^/a/(.*)$", "/b/$1", "/a/x", "/b/x"),
        ("contains", "/hit", "/x/containsy", "/x//hity"),
        ("(a)", "$$1", "a", "$1"),
        ("(a)", "[$&]", "xay", "x[a]y"),
        ("b", "[$`|$']", "abc", "a[a|c]c"),
        ("(a)", "$2$1", "a", "$2a"),
        ("(a)", "$10", "a", "a0"),
        ("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "$10$1", "abcdefghij", "ja"),
        ("(a)", "$0$", "a", "$0$"),
        ("(a)?b", "[$1]", "b", "[]"),
        ("(?<n>a)", "$<n>$<x>", "a", "a"),
        ("(a)", "$<n>", "a", "$<n>"),
        ("(a)", "$01", "a", "a"),
    ],
)
def test_replacement_follows_javascripts_rules(source: str, template: str, text: str, expected: str):
    assert replaced(source, template, text) == expected


@given(st.text(max_size=30))
def test_a_template_without_dollars_stays_as_it_is(text: str):
    template = text.replace("$", "")
    assert replaced("(a)", template, "a") == template


@given(st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=20))
def test_an_escaped_text_matches_itself(text: str):
    escaped = re.sub(r"([\\^$.*+?()\[\]{}|/])", r"\\\1", text)
    assert groups(f"^{escaped}$", text) == (text,)


@given(st.text("ab(|)*+?[^]\\d{}12,.$-/:=!<>k", max_size=25))
def test_every_text_is_either_refused_or_compiled(source: str):
    try:
        regex = compile_js(source)
    except RegexRefused:
        return
    regex.pattern.search("/ab/ab?a=1")


def test_the_literal_prefix_is_what_every_match_begins_with():
    assert compile_js("^/api/v1(.*)$").literal_prefix == "/api/v1"
    assert compile_js(r"^/a\.b/x?").literal_prefix == "/a.b/"
    assert compile_js("/api").literal_prefix == ""
    assert compile_js("^/a|^/b").literal_prefix == ""
    assert compile_js("^/api/", ignore_case=True).literal_prefix == ""


def test_the_literal_start_is_what_every_match_begins_with_wherever_it_is():
    assert compile_js("/api/v1(.*)$").literal_start == "/api/v1"
    assert compile_js("^/api/v1(.*)$").literal_start == "/api/v1"
    assert compile_js(".*/api/").literal_start == ""
    assert compile_js("/a|/b").literal_start == ""
    assert compile_js("/api/", ignore_case=True).literal_start == ""
