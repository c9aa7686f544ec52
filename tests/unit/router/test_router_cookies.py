"""The router's cookies, and those of backends."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.environment_cookies import PartitionedCookies
from entryway.http import Headers
from entryway.router.backend_cookies import (
    CookieJar,
    SetCookie,
    default_path,
    domain_matches,
    parse_set_cookie,
    path_matches,
)
from entryway.router.cookies import CookieRules, SessionCookie

OWN = SessionCookie({"JSESSIONID"})
CHROME = PartitionedCookies(re.compile("Chrome"), re.compile("Postman"))
NOT_CHROME = PartitionedCookies(re.compile("Postman"), re.compile("Chrome"))


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (b"JSESSIONID=a", b"a"),
        (b"x=1; JSESSIONID=a; y=2", b"a"),
        (b"x=1;JSESSIONID=a", b"a"),
        (b"XJSESSIONID=a", None),
        (b"x=JSESSIONID=a", None),
        (None, None),
        (b"", None),
        (b"JSESSIONID=", b""),
        (b"JSESSIONID=s:a+b.c/d=", b"s%3Aa%2Bb.c%2Fd%3D"),
        (b'JSESSIONID="s%3Aa.b"', b"s%3Aa.b"),
    ],
)
def test_the_session_cookie_is_found(header: bytes | None, value: bytes | None):
    assert OWN.value(header, "JSESSIONID") == value


@pytest.mark.parametrize(
    ("header", "left"),
    [
        (b"JSESSIONID=a", b""),
        (b"x=1; JSESSIONID=a; y=2", b"x=1; y=2"),
        (b"JSESSIONID=a; x=1", b"x=1"),
        (b"x=1; JSESSIONID=a", b"x=1"),
        (b"JSESSIONID=a; JSESSIONID=b", b""),
        (b"MYJSESSIONID=a", b"MYJSESSIONID=a"),
        (b"__Host-entryway-sso=secret; x=1", b"x=1"),
        (b"x=1;  __Host-entryway-a=b;y=2", b"x=1;y=2"),
    ],
)
def test_the_routers_and_the_authorization_servers_cookies_are_taken_out(header: bytes, left: bytes):
    assert OWN.strip(header) == left


@given(
    st.lists(
        st.sampled_from([b"a=1", b"JSESSIONID=s", b"b=JSESSIONID", b"__Host-entryway-x=y", b" JSESSIONID=t"]),
        max_size=6,
    )
)
def test_nothing_of_ours_is_left(parts: list[bytes]):
    left = [part.strip() for part in OWN.strip(b";".join(parts)).split(b";") if part.strip()]
    assert left == [part.strip() for part in parts if part.strip().startswith((b"a=", b"b="))]


def of(agent: str, access: str | None = None) -> Headers:
    """Return the headers of a browser, which may say what it keeps in a frame of another site."""
    said = [] if access is None else [(b"sec-fetch-storage-access", access.encode())]
    return Headers([(b"user-agent", agent.encode()), *said])


def test_cookies_are_written_as_configured():
    plain, nobody = CookieRules("JSESSIONID", None, None), Headers([])
    assert plain.state("u", nobody) == "JSESSIONID=u; Max-Age=180; Path=/; HttpOnly; Secure"
    assert plain.session(b"v", secure=True, asked=nobody) == "JSESSIONID=v; Path=/; HttpOnly; Secure"
    assert plain.gone("signature", nobody) == "signature=; Max-Age=0; Path=/;"
    strict = CookieRules("S", "None", CHROME)
    there = strict.session(b"v", secure=False, asked=of("Chrome"))
    assert there == "S=v; Path=/; HttpOnly; SameSite=None; Partitioned"
    assert strict.state("u", of("Firefox")) == "S_STATE=u; Max-Age=180; Path=/; HttpOnly; Secure; SameSite=None"
    assert strict.script_attributes(of("Chrome")) == "Secure;SameSite=None;Partitioned"
    assert strict.script_attributes(of("Chrome Postman")) == "Secure;SameSite=None"
    assert strict.session_gone(of("Firefox")).endswith("; HttpOnly;Secure;SameSite=None")
    lax = CookieRules("S", "Lax", None)
    assert lax.script_attributes(nobody) == "SameSite=Lax"
    assert lax.session_gone(nobody).endswith("; HttpOnly; Secure;SameSite=Lax")
    assert CookieRules("S", "Lax", CHROME).script_attributes(of("Chrome")) == "Secure;SameSite=Lax;Partitioned"
    assert CookieRules("S", None, CHROME).script_attributes(of("Chrome")) == "Secure;Partitioned"


@pytest.mark.parametrize(
    ("access", "partitioned"), [("none", True), ("inactive", True), ("active", False), ("None", False), ("x", False)]
)
@pytest.mark.parametrize("rules", [None, NOT_CHROME])
def test_a_browser_that_keeps_cookies_apart_for_each_site_gets_such_as_it_keeps(access, partitioned, rules):
    plain, asked = CookieRules("J", None, rules), of("Chrome", access)
    state = "J_STATE=u; Max-Age=180; Path=/; HttpOnly; Secure"
    assert plain.state("u", asked) == state + ("; Partitioned" if partitioned else "")
    assert plain.session(b"v", secure=True, asked=asked).endswith("; Partitioned") is partitioned
    assert plain.gone("signature", asked).endswith(";Secure;Partitioned") is partitioned
    assert plain.session_gone(asked).endswith("; HttpOnly;Secure;Partitioned" if partitioned else "; HttpOnly; Secure;")


def parsed(line: bytes) -> SetCookie:
    cookie = parse_set_cookie(line)
    assert cookie is not None
    return cookie


def test_set_cookie_lines_are_taken_apart():
    cookie = parsed(b"a=b; Path=/x; Domain=.Host.Example; HttpOnly")
    assert (cookie.name, cookie.value, cookie.path, cookie.domain, cookie.persistent) == (
        b"a",
        b"b",
        b"/x",
        b"host.example",
        False,
    )
    assert parsed(b"a=b; Max-Age=60").persistent
    assert parsed(b"a=; max-age=0").expired
    assert parsed(b"a=b; expires=Wed, 01 Jan 2031 00:00:00 GMT").persistent
    assert not parsed(b"a=b; Max-Age=soon; expires=then").persistent
    assert parse_set_cookie(b"nothing") is None
    assert parse_set_cookie(b"=x") is None


def test_a_jar_sends_cookies_back_by_host_and_path():
    jar = CookieJar()
    jar.keep(parsed(b"a=1; Path=/deep"), b"host", b"/x")
    jar.keep(parsed(b"b=2; Path=/"), b"host", b"/x")
    jar.keep(parsed(b"c=3"), b"host", b"/deep/folder/file?q=/z")
    assert jar.header(b"host", b"/") == b"b=2"
    assert jar.header(b"HOST", b"/deep/folder/x?y") == b"c=3; a=1; b=2"
    assert jar.header(b"host", b"/deeper") == b"b=2"
    assert jar.header(b"other", b"/deep") == b""


def test_a_jar_refuses_foreign_domains_and_has_bounds():
    jar = CookieJar()
    jar.keep(parsed(b"a=1; Domain=other.com"), b"host.com", b"/")
    assert jar.cookies == {}
    for number in range(60):
        jar.keep(parsed(b"c%d=1; Path=/" % number), b"host.com", b"/")
    jar.keep(parsed(b"big=" + b"x" * 5000), b"host.com", b"/")
    assert len(jar.cookies) == 50


def test_a_later_cookie_replaces_and_a_deletion_forgets():
    jar = CookieJar()
    jar.keep(parsed(b"a=1; Path=/"), b"h", b"/")
    jar.keep(parsed(b"a=2; Path=/"), b"h", b"/")
    assert jar.header(b"h", b"/") == b"a=2"
    jar.forget(b"a")
    assert jar.header(b"h", b"/") == b""


@pytest.mark.parametrize(
    ("host", "domain", "fits"),
    [(b"a.b", b"a.b", True), (b"x.a.b", b"a.b", True), (b"xa.b", b"a.b", False), (b"1.2.3.4", b"3.4", False)],
)
def test_domains(host: bytes, domain: bytes, fits: object):
    assert domain_matches(host, domain) is fits


@pytest.mark.parametrize(
    ("path", "cookie", "fits"),
    [(b"/a/b", b"/a", True), (b"/ab", b"/a", False), (b"/a?x", b"/a", True), (b"/a/b", b"/a/", True)],
)
def test_paths(path: bytes, cookie: bytes, fits: object):
    assert path_matches(path, cookie) is fits
    assert default_path(b"/x") == b"/"
