"""Paths that could mean something else to the next party are refused, in every encoding."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.router.errors import FileNotFound, PathForbidden, PathRefused
from entryway.router.paths import check_path
from entryway.router.static import relative_name


@pytest.mark.parametrize(
    "path",
    [
        "/a/../b",
        "/..",
        "/a/.",
        "/./a",
        "/%2e%2e/b",
        "/..%2fb",
        "/%252e%252e/b",
        "/%25252e/b",
        "/%c0%ae/b",
        "/%ef%bc%8e%ef%bc%8e/x",
        "/%zz",
        "/%",
        "/%f",
        "/%ff",
        "/%u002e",
        "/a%2f..%2fb",
        "/" + "%25" * 30 + "2e",
    ],
)
def test_dot_segments_and_malformed_escapes_are_refused(path: str):
    with pytest.raises(PathRefused):
        check_path(path)
    with pytest.raises(PathRefused):
        check_path(path + "?a=b")


@pytest.mark.parametrize(
    "path", ["/a", "/...", "/a..b", "/..;/x", "/%00", "/%20", "/a%2Fb", "/a?x=../b", "/a?%zz", "//x", "/%C3%A4"]
)
def test_other_paths_pass(path: str):
    check_path(path)


@given(
    st.lists(st.sampled_from(["a", ".", "..", "%2e", "%2E%2e", "%252e", "b.c", "%2f", "%5c"]), min_size=1, max_size=6)
)
def test_what_passes_has_no_dot_segment_after_any_decoding(segments: list[str]):
    path = "/" + "/".join(segments)
    try:
        check_path(path)
    except PathRefused:
        return
    for _ in range(4):
        path = unquote(path)
        assert not {".", ".."} & set(path.split("/"))


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/..\\x", PathForbidden),
        ("/..%5cx", PathForbidden),
        ("/a%00.html", PathRefused),
        ("/.hidden", FileNotFound),
        ("/default-env.json", FileNotFound),
        ("/a/Default-Services.json", FileNotFound),
        ("/default%2Denv.json", FileNotFound),
        ("/a/.git/config", FileNotFound),
        ("/..;/x", FileNotFound),
    ],
)
def test_names_of_files_stay_in_the_folder(path: str, error: type[Exception]):
    with pytest.raises(error):
        relative_name(path)


def test_a_leading_slash_makes_no_absolute_name():
    assert relative_name("//etc/passwd") == "etc/passwd"
