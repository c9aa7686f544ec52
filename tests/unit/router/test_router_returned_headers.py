"""What of a backend's headers crosses the router is found out once for a head that is known, and never for another."""

from __future__ import annotations

from entryway.http import Headers, Response
from entryway.http.known_heads import KnownHead
from entryway.router.returned import end_to_end

UPSTREAM = [(b"server", b"a"), (b"connection", b"keep-alive"), (b"x-a", b"1")]
CROSSES = [(b"server", b"a"), (b"x-a", b"1")]


def answer(known, raw):
    response = Response(200, Headers.trusted(raw))
    response.known = known
    return response


def test_each_answer_with_a_known_head_gets_headers_of_its_own():
    known = KnownHead(UPSTREAM.copy())
    for _ in range(3):
        raw, cookies = end_to_end(answer(known, UPSTREAM.copy()))
        assert (raw, cookies) == (CROSSES, [])
        raw.append((b"x-request-id", b"1"))  # the router adds to them


def test_headers_that_were_changed_are_looked_at_anew():
    known = KnownHead(UPSTREAM.copy())
    end_to_end(answer(known, UPSTREAM.copy()))
    changed = [*UPSTREAM, (b"set-cookie", b"a=b"), (b"keep-alive", b"1")]
    assert end_to_end(answer(known, changed)) == (CROSSES, [b"a=b"])
    assert end_to_end(answer(known, [(b"connection", b"x-a"), (b"x-a", b"1")])) == ([], [])
