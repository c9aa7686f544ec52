"""A path that is let through means one thing, however often somebody decodes it."""

import unicodedata
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from entryway.connector.configuration import Resource
from entryway.connector.paths import AmbiguousPath, canonical, find_resource

pieces = st.sampled_from(
    ["/", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", "//", "%252e", "%25", ";", ";x", "a", "b", "%00", "%c0%ae", " "]
)
paths = st.lists(pieces, max_size=8).map(lambda parts: "/" + "".join(parts))


@given(paths)
@example("/a/..;/b")
@example("/a/%2e%2e/b")
@example("/a/%252e%252e/b")
@example("/a/%25252e%25252e/b")
def test_nothing_that_is_let_through_climbs(path: str) -> None:
    try:
        canonical(path)
    except AmbiguousPath:
        return
    form = path
    for _ in range(3):
        segments = [segment.split(";")[0].strip() for segment in form.replace("\\", "/").split("/")]
        assert "." not in segments
        assert ".." not in segments
        form = unquote(form)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\\", exclude_categories=["Cc", "Cs"]), max_size=20))
def test_text_in_a_segment_is_text(text: str) -> None:
    folded = unicodedata.normalize("NFKC", text).replace("\\", "/")
    if (
        "/" in text
        or "%" in text
        or any(part.partition(";")[0].strip() in {".", "..", ""} for part in folded.split("/"))
    ):
        return
    assert canonical(f"/x/{quote(text, safe='')}/y") == f"/x/{text}/y"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "*",
        "/%",
        "/%4",
        "/a/%25252e%25252e/b",
        "/a/%2525252525252e/b",
        "/a//b",
        "//a",
        "/./",
        "/a/..",
        "/%2e",
        "/a%2fb",
        "/a%5Cb",
        "/a%0ab",
        "/a/%c0%ae%c0%ae/b",
        "/a/..%c0%af",
        "/a/%e0%80%ae/b",
        "/a/%f0%80%80%ae",
        "/a/%25c0%25ae",
        "/a/%ef%bc%8e%ef%bc%8e/b",
        "/a/%e2%80%a5/b",
        "/a/..%ef%bc%8fb",
        "/a/..%ef%bc%bcb",
        "/a/%ef%bc%8e%ef%bc%8e;x/b",
    ],
)
def test_what_is_ambiguous_is_refused(path: str) -> None:
    with pytest.raises(AmbiguousPath):
        canonical(path)


@pytest.mark.parametrize("path", ["/caf%c3%a9", "/caf%e9", "/%c0%20", "/%ef%bc%8ehidden", "/a%e2%84%80b"])
def test_other_letters_are_letters(path: str) -> None:
    assert canonical(path)


def test_the_most_special_resource_decides() -> None:
    wide, narrow = Resource(id="/a"), Resource(id="/a/b", websocket_upgrade_allowed=True)
    exact = Resource(id="/a/b", exact_match_only=True)
    assert find_resource((wide, narrow), "/a/b/c") is narrow
    assert find_resource((narrow, wide), "/a/x") is wide
    assert find_resource((wide, narrow, exact), "/a/b") is exact
    assert find_resource((wide,), "/b") is None
    assert find_resource((), "/") is None


def test_a_segment_ends_with_a_slash() -> None:
    root = Resource(id="/", segment_match=True)
    below = Resource(id="/a/", segment_match=True)
    assert find_resource((root,), "/anything") is root
    assert find_resource((below,), "/a/b") is below
    assert find_resource((below,), "/ab") is None
