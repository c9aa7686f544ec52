"""Whatever is sent, the answer is one of ours: never a 500, never a redirect elsewhere, always protected."""

from __future__ import annotations

import itertools

import pytest

from entryway.testing.idp import ADMIN_SECRET, CALLBACK, Person, RunningIdp, hidden_fields

PATHS = [
    "/oauth2/authorize",
    "/oauth2/token",
    "/oauth2/userinfo",
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/oauth2/logout",
    "/oauth2/certs",
    "/login",
    "/login/code",
    "/login/passkey",
    "/login/enrol",
    "/login/password",
    "/login/continue",
    "/login/name",
    "/login/provider",
    "/login/resume",
    "/login/callback/x",
    "/logout/callback/x",
    "/password/forgotten",
    "/password/new",
    "/email/verification",
    "/register",
    "/profile",
    "/profile/password",
    "/profile/app",
    "/profile/passkeys",
    "/admin/users",
    "/admin/users/x",
    "/admin/groups/x",
    "/admin/applications/x",
    "/admin/settings/x",
    "/admin/providers",
    "/admin/providers/x",
    "/admin/import",
    "/saml2/idp/sso",
    "/saml2/idp/sso/continue",
    "/saml2/idp/slo",
    "/saml2/sp/acs",
    "/saml2/sp/slo",
    "/scim/Users",
    "/scim/Users/x",
    "/scim/Groups/x",
    "/scim/.search",
    "/entryway/v1/users",
    "/entryway/v1/users/x",
    "/entryway/v1/applications/x",
    "/entryway/v1/applications/x/bindings/y",
    "/entryway/v1/settings/x",
    "/entryway/v1/providers/x",
    "/entryway/v1/users/import",
    "/resources/../../etc/passwd",
    "/resources/nothing",
]
ODD = ["\x00", "ünïcödé", "%ff%fe", "../" * 20, "' OR 1=1 --", "{{7*7}}", "<script>", "9" * 400, "\ud7ff\U0010ffff", ""]
NAMES = (
    "client_id",
    "redirect_uri",
    "state",
    "attempt",
    "csrf",
    "token",
    "code",
    "grant_type",
    "username",
    "SAMLRequest",
    "idp",
    "login_hint",
)
BODIES = [b"", b"\xff\xfe", b"{", b"[]", b"null", b"a=1&a=2", b"=" * 1000, b"%00=%ff", b'{"a":' * 5000, b"<x/>"]
TYPES = ["application/x-www-form-urlencoded", "application/json", "application/scim+json", "text/plain", "\u00e9"]


def judge(answer, asked: object) -> None:
    assert answer.status_code < 500, (asked, answer.text[:300])
    assert answer.headers["x-content-type-options"] == "nosniff", asked
    assert "default-src 'none'" in answer.headers["content-security-policy"], asked
    location = answer.headers.get("location", "/")
    assert location.startswith(("/", CALLBACK)), asked
    assert not location.startswith("//"), asked
    assert "<script>" not in answer.text, asked


@pytest.mark.parametrize("path", PATHS)
def test_any_parameter(idp: RunningIdp, path: str) -> None:
    auth = ("entryway-admin", ADMIN_SECRET)
    for value in ODD:
        parameters = dict.fromkeys(NAMES, value)
        judge(idp.http.get(path, params=parameters), (path, value))
        judge(idp.http.post(path, data=parameters, auth=auth), (path, value))


@pytest.mark.parametrize("path", PATHS)
def test_any_body(idp: RunningIdp, path: str) -> None:
    auth = ("entryway-admin", ADMIN_SECRET)
    for body, (method, kind) in itertools.product(BODIES, zip(("POST", "PUT", "PATCH"), TYPES, strict=False)):
        headers = {"content-type": kind}
        judge(idp.http.request(method, path, content=body, headers=headers, auth=auth), (path, method, body[:20]))


def test_any_authorization(idp: RunningIdp) -> None:
    for value in (
        "Bearer",
        "Bearer x",
        "Bearer a.b.c",
        "Basic",
        "Basic !!!",
        "Basic Og==",
        "Digest x",
        "Bearer " + "x" * 9000,
    ):
        for path in ("/oauth2/userinfo", "/scim/Users", "/entryway/v1/users"):
            answer = idp.http.get(path, headers={"authorization": value})
            judge(answer, (path, value[:20]))
            assert answer.status_code in {400, 401}, (path, value[:20])


def test_any_cookie(idp: RunningIdp) -> None:
    for value in ("", "x", "x" * 5000, "ü".encode("latin-1").decode("latin-1")):
        cookies = f"__Host-entryway-idp-login={value}; __Host-entryway-idp-browser={value}"
        for path in ("/profile", "/oauth2/logout", "/login"):
            judge(idp.http.get(path, headers={"cookie": cookies.encode("latin-1")}), (path, value[:20]))


def test_more_than_an_honest_request_has(idp: RunningIdp, person: Person) -> None:
    large = idp.http.post("/oauth2/token", content=b"a=" + b"x" * 2_000_000)
    assert large.status_code in {413, 415}
    many = "&".join(f"p{number}=1" for number in range(500))
    assert idp.http.get(f"/oauth2/authorize?{many}").status_code == 400
    assert idp.http.get("/oauth2/authorize?client_id=a&client_id=b").status_code == 400
    page = person.authorize(idp.application())
    fields = hidden_fields(page, "/login") | {"username": "x" * 10_000, "password": "y" * 100_000}
    assert person.http.post("/login", data=fields).status_code == 401
