"""Placeholders in files."""

import pytest

from entryway.router.replace import Replacement, content_type

REPLACEMENT = Replacement(
    ("b.html", "/index.html", ".json"),
    {
        "FOO": "a\"b<c>&d'/`=",
        "N": 5,
        "T": True,
        "svc": {"url": "http://h", "deep": {"k": "v"}},
        "list": ["a", {"k": 1}],
        "hosts": ["a", "b"],
    },
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{FOO}}", "a&quot;b&lt;c&gt;&amp;d&#39;&#x2F;&#x60;&#x3D;"),
        ("{{{FOO}}}|{{&FOO}}", "a\"b<c>&d'/`=|a\"b<c>&d'/`="),
        ("[{{ N }}{{T}}]", "[5true]"),
        ("{{svc.url}} {{{svc.url}}} {{svc.deep.k}}", "http:&#x2F;&#x2F;h http://h v"),
        ("[{{OTHER}}{{svc.none}}{{svc}}{{FOO.x}}{{svc.url.x}}]", "[]"),
        ("{{}} { {FOO} } {{#FOO}}{{N}}{{/T}}", "{{}} { {FOO} } {{#FOO}}5{{/T}}"),
        ("{{#T}}yes{{/T}}{{^T}}no{{/T}}{{#OTHER}}no{{/OTHER}}{{^OTHER}}yes{{/OTHER}}", "yesyes"),
        ("{{#svc}}{{url}} {{#deep}}{{k}}{{/deep}} {{N}}{{/svc}}", "http:&#x2F;&#x2F;h v 5"),
        ("{{#list}}[{{.}}{{k}}]{{/list}}", "[a][1]"),
        ("{{list}}|{{hosts}}", "a,|a,b"),
        ("a{{! a comment }}b{{> part}}c", "abc"),
        ("a\n  {{#T}}\nb\n  {{/T}}  \nc\n{{! }}\n", "a\nb\nc\n"),
        ("{{=<% %>=}}<%N%>{{N}}<%={{ }}=%>{{N}}", "5{{N}}5"),
        ("{{#T}}" * 60 + "x" + "{{/T}}" * 60, "{{#T}}" * 10 + "x" + "{{/T}}" * 10),
    ],
)
def test_placeholders(text: str, expected: str):
    assert REPLACEMENT.apply(text) == expected


@pytest.mark.parametrize(
    ("name", "concerned"),
    [
        ("b.html", True),
        ("x/b.html", True),
        ("index.html", True),
        ("xindex.html", False),
        ("a.json", True),
        ("a.js", False),
    ],
)
def test_suffixes_choose_the_files(name: str, concerned: object):
    assert REPLACEMENT.concerns(name) is concerned


def test_types():
    assert (content_type("a/b.js"), content_type("x.xyz")) == (b"application/javascript", b"text/html")
