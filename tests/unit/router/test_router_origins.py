"""What of a URL and of a request target is asked for in the end."""

import pytest

from entryway.http import Body, Headers, Peer, Request
from entryway.router.origins import origin_of
from entryway.router.surface import Surface


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://h", ""),
        ("http://h/a b/", "/a%20b"),
        ("http://h/fetch?path=", "/fetch?path="),
        ("http://h/?q=ü", "/?q=%C3%BC"),
        ("http://h/x#part", "/x"),
    ],
)
def test_what_a_route_asks_for_is_put_behind_the_whole_url(url: str, base: str):
    assert origin_of(url, None)[1] == base


def test_a_fragment_that_is_sent_names_nothing():
    surface = Surface(None, https_only=False, trusts=lambda _: True, trusts_everybody=True)
    request = Request("GET", "/a#b?c=/../d", Headers(), Body.of(b""), Peer("192.0.2.7", 1))
    surface.check_transport(request)
    assert request.target == "/a"
