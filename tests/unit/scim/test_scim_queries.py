import pytest

from entryway.scim import answers
from entryway.scim.errors import InvalidScimValue, InvalidSyntax, VersionDiffers
from entryway.scim.queries import parse_query


def test_a_query_and_what_it_leaves_out() -> None:
    query = parse_query({})
    assert (query.start, query.count, query.term, query.sort_by) == (1, 100, None, None)
    query = parse_query({"startIndex": "-5", "count": "9999", "sortBy": "name.givenName", "sortOrder": "DESCENDING"})
    assert (query.start, query.count, query.descending) == (1, 500, True)
    assert parse_query({"count": "-1"}).count == 0


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"startIndex": "x"}, InvalidScimValue),
        ({"count": "1e3"}, InvalidScimValue),
        ({"count": "9" * 20}, InvalidScimValue),
        ({"sortOrder": "sideways"}, InvalidScimValue),
        ({"attributes": "a", "excludedAttributes": "b"}, InvalidSyntax),
        ({"attributes": ",".join(f"a{n}" for n in range(101))}, InvalidSyntax),
    ],
)
def test_queries_that_are_refused(parameters: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_query(parameters)


def test_versions() -> None:
    assert answers.etag(3) == 'W/"3"'
    answers.check_match(None, 3)
    answers.check_match('W/"2", W/"3"', 3)
    answers.check_match("*", 3)
    with pytest.raises(VersionDiffers):
        answers.check_match('W/"2"', 3)
    assert answers.unchanged('"3"', 3)
    assert not answers.unchanged(None, 3)
