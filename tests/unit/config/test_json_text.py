"""What people who write JSON by hand are told."""

import pytest

from entryway.config.json_text import NotJson, read_json


@pytest.mark.parametrize(
    ("written", "suggestion"),
    [
        (b"", "the file is empty: write at least {}"),
        (b" \n", "the file is empty: write at least {}"),
        (b'{"a": [1, 2,]}', "take out the comma before ]"),
        (b'{"a": 1,\n}', "take out the comma before }"),
        (b"// mine\n{}", "JSON has no comments: take it out"),
        (b'{"a": 1, /* why */ "b": 2}', "JSON has no comments: take it out"),
        (b"{'a': 1}", 'texts and keys stand in double quotes: "\u2026"'),
        ('{"a": 1}'.encode("utf-16"), "save the file as UTF-8"),
        ('{"ä": 1}'.encode("latin-1"), "save the file as UTF-8"),
        (b'{"a" 1}', ""),
    ],
)
def test_what_stands_against_reading_comes_with_what_to_do(written: bytes, suggestion: str) -> None:
    with pytest.raises(NotJson) as refused:
        read_json(written)
    assert refused.value.suggestion == suggestion


def test_the_line_of_a_foreign_letter_is_named() -> None:
    with pytest.raises(NotJson, match=r"is not UTF-8 text but another encoding \(line 2\)"):
        read_json('{"a":\n"ä"}'.encode("latin-1"))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_byte_order_mark_and_either_end_of_lines_are_read(end: bytes) -> None:
    assert read_json(b"\xef\xbb\xbf{" + end + b'"a": 1' + end + b"}").value == {"a": 1}


def test_a_key_that_is_written_twice_is_named_and_the_last_one_counts() -> None:
    written = read_json('{"a": {"b": 1, "b": 2}, "c": 3, "c": 4}')
    assert (written.value, written.twice) == ({"a": {"b": 2}, "c": 4}, ("b", "c"))
