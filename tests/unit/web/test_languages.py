import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.web.languages import choose


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("de-AT", "de"),
        ("fr, de;q=0.5", "de"),
        ("de;q=0.5, en;q=0.7", "en"),
        ("de;q=0, en;q=0", "en"),
        ("de;q=nan", "en"),
        ("de;q=9", "en"),
        ("de , en", "de"),
    ],
)
def test_the_language_that_the_browser_likes_best(header: str | None, chosen: str) -> None:
    assert choose(header, ("en", "de")) == chosen


@given(st.text())
def test_any_header_has_an_answer(header: str) -> None:
    assert choose(header, ("en", "de")) in {"en", "de"}
