"""What is called for a URL."""

import pytest

from entryway.clients.address import basic_authorization, origin_of, parse_address


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://uaa.example/oauth/token", ("https", "uaa.example", 443, "/oauth/token")),
        ("http://uaa.example:8080", ("http", "uaa.example", 8080, "/")),
        ("https://[::1]:8443/a?b=c", ("https", "::1", 8443, "/a?b=c")),
        ("https://uaa.example?b=c#fragment", ("https", "uaa.example", 443, "/?b=c")),
        ("https://UAA.example/a%2Fb/c d?e=f g", ("https", "uaa.example", 443, "/a%2Fb/c%20d?e=f%20g")),
        ("https://bücher.example/ü?ü", ("https", "xn--bcher-kva.example", 443, "/%C3%BC?%C3%BC")),
    ],
)
def test_where_a_url_leads(url, expected):
    address = parse_address(url)
    assert (address.scheme, address.host, address.port, address.target) == expected
    assert address.user is None


def test_parameters_follow_the_query():
    assert parse_address("http://x/a", {"b": "c&d"}).target == "/a?b=c%26d"
    assert parse_address("http://x/a?e=f", {"$b": "c d"}).target == "/a?e=f&%24b=c+d"


def test_a_name_and_password_in_the_url():
    address = parse_address("https://kim:p%40ss@x/a")
    assert (address.host, address.user) == ("x", ("kim", "p@ss"))
    assert "p@ss" not in repr(address)
    assert basic_authorization("kim", "p@ss") == b"Basic a2ltOnBAc3M="


@pytest.mark.parametrize("url", ["", "/path", "ftp://x/", "https://", "https://x:port/", "https://[::1/", "file:///x"])
def test_what_cannot_be_called(url):
    with pytest.raises(ValueError):
        parse_address(url)


def test_a_target_never_ends_the_request_line():
    target = parse_address("http://x/a\x7f b?c d\x01é").target
    assert target.isascii()
    assert " " not in target
    assert target.isprintable()


def test_what_logs_may_say():
    assert origin_of("https://kim:secret@x:8443/path?code=1") == "https://x:8443"
    assert origin_of("https://x:port/") == "(not a URL)"
