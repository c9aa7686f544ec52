from __future__ import annotations

import pytest

from entryway.authserver.rest.paging import MOST, Part, part_of, window_of
from entryway.errors import BadRequest

EVERYTHING = list(range(1, 1201))


def listed(query: dict[str, str]) -> Part:
    return part_of(EVERYTHING, window_of(query))


@pytest.mark.parametrize(
    ("query", "first", "last", "link"),
    [
        ({}, 1, 1200, None),
        ({"showRoles": "true"}, 1, 1200, None),
        ({"count": "10"}, 1, 10, '<?count=10&startIndex=11>; rel="next"'),
        ({"count": "100000"}, 1, MOST, '<?count=100000&startIndex=501>; rel="next"'),
        ({"startIndex": "1191", "count": "10"}, 1191, 1200, None),
        (
            {"startIndex": "2", "count": "1", "showRoles": "true"},
            2,
            2,
            '<?startIndex=3&count=1&showRoles=true>; rel="next"',
        ),
    ],
)
def test_a_list_comes_in_pieces(query: dict[str, str], first: int, last: int, link: str | None) -> None:
    part, headers = listed(query).elements, listed(query).headers(query)
    assert (part[0], part[-1], len(part)) == (first, last, last - first + 1)
    assert headers.get("link") == link
    assert headers["x-total-count"] == "1200"


@pytest.mark.parametrize("query", [{"startIndex": "1201"}, {"count": "0"}])
def test_a_piece_may_be_empty(query: dict[str, str]) -> None:
    assert (list(listed(query).elements), "link" in listed(query).headers(query)) == ([], False)


@pytest.mark.parametrize("query", [{"startIndex": "0"}, {"count": "-1"}, {"count": "ten"}, {"count": "\uff11"}])
def test_what_is_no_number_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        window_of(query)
