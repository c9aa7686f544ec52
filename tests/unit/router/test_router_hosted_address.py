"""Which application a URL means, and that its routes see nothing of the router's own paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.js_regex import compile_js
from entryway.router.hosted_address import HostedAddress, parse_hosted_address

PREFIXES = {"country": "guid-1", "own": None}
DIRECT = (compile_js("^direct$"),)


def parse(target: str) -> HostedAddress | None:
    return parse_hosted_address(target, PREFIXES, DIRECT)


@pytest.mark.parametrize(
    ("target", "key", "url"),
    [
        ("/app", "app", "/"),
        ("/app/", "app", "/"),
        ("/app/a/b?c=d", "app", "/a/b?c=d"),
        ("/app-1.0.0/a", "app-1.0.0", "/a"),
        ("/country.app-2.10.0/a", "app-2.10.0", "/a"),
        ("/app/~x~/a", "app", "/a"),
        ("/app/~x~", "app", "/"),
        ("/app/~x~y/a", "app", "/~x~y/a"),
        ("/app/a/~x~/b", "app", "/a/~x~/b"),
        ("/app/a?skipXSAppJsonCache=true", "app", "/a"),
        ("/app/a?b=1&skipXSAppJsonCache=true&c=2", "app", "/a?b=1&c=2"),
        ("/app/a?notSkipXSAppJsonCache=true", "app", "/a?notSkipXSAppJsonCache=true"),
    ],
)
def test_what_is_an_application(target, key, url):
    found = parse(target)

    assert found is not None
    assert (found.key, found.url) == (key, url)


@pytest.mark.parametrize(
    "target",
    [
        *(
            "/",
            "//",
            "",
            "/a.b.c/x",
            "/other.app/x",
            "/app-/x",
            "/-1/x",
            "/app-1.0/x",
            "/my-page/x",
            "/app-1.0.0-rc/x",
            "/app?x",
            "/direct/x",
            "/login",
        ),
        *("/favicon.ico", "/a%70p/x", "/app;v=1/x", "/app\u00e9/x", "/.app/x", "/app./x", "/~x~/app"),
    ],
)
def test_what_is_none(target):
    assert parse(target) is None


def test_only_true_asks_for_the_routes_as_they_are_now():
    assert [parse(f"/app/?skipXSAppJsonCache={value}").refresh for value in ("true", "TRUE", "false", "")] == [
        True,
        True,
        False,
        False,
    ]


@given(st.text(alphabet="ap1/.-~?&=%_\u00e9#x", max_size=40))
def test_an_address_is_a_path_and_its_key_stays_one_segment(text):
    found = parse(f"/{text}")

    if found is not None:
        assert found.url.startswith("/")
        assert not set(found.key) & set("/?#%~")
        assert found.segment.endswith(found.key)
