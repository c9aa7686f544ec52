# ruff: noqa: E501 - the tables of what is sent are read along their rows
"""Whatever is sent, the answer is one that was meant: never a 5xx."""

from __future__ import annotations

from urllib.parse import urlencode

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entryway.testing.authserver import BoundApplication, RunningAuthServer

PATHS = [
    "/oauth/token",
    "/oauth/token/",
    "/oauth/authorize",
    "/login",
    "/login.do",
    "/logout.do",
    "/introspect",
    "/oauth/introspect",
    "/check_token",
    "/userinfo",
    "/token_keys",
    "/token_key",
    "/.well-known/openid-configuration",
    "/healthz",
    "/info",
    "/entryway/v1/users",
    "/entryway/v1/users/x",
    "/entryway/v1/applications/x",
    "/entryway/v1/tokens",
]
NAMES = [
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "code",
    "redirect_uri",
    "code_verifier",
    "assertion",
    "refresh_token",
    "username",
    "password",
    "authorities",
    "login_hint",
    "response_type",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "code_challenge",
    "zid",
    "redirect",
    "id_token_hint",
    "token",
    "scopes",
    "attempt",
    "X-Uaa-Csrf",
]
GRANTS = [
    "authorization_code",
    "client_credentials",
    "refresh_token",
    "password",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
]
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [*GRANTS, "code", "openid", "none", "login", "http://localhost/x", "{}", "[]", '{"az_attr":[]}', "-1"]
    ),
    st.integers().map(str),
)
PARAMETERS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), VALUES, max_size=8)
HEADERS = st.dictionaries(
    st.sampled_from(["authorization", "x-zid", "cookie", "accept", "content-type", "if-none-match", "host", "x-cf-encoded-credentials"]),
    st.sampled_from([b"", b"Basic", b"Bearer x", b"Basic YTpi", b"true", b"*/*", b"application/json", b"text/html", b"\xff\xfe",
                     b"__Host-entryway-login=x; __Host-entryway-browser=y", b"application/x-www-form-urlencoded", b"a.localhost", b"W/"]),
    max_size=4,
)  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]),
    path=st.sampled_from(PATHS),
    query=PARAMETERS,
    form=PARAMETERS | st.binary(max_size=60),
    headers=HEADERS,
    real=st.booleans(),
)
def test_any_request_is_answered(  # noqa: PLR0917 - hypothesis gives them by name
    server: RunningAuthServer,
    app: BoundApplication,
    method: str,
    path: str,
    query: dict,
    form: dict | bytes,
    headers: dict,
    real: bool,  # noqa: FBT001
) -> None:
    body = form if isinstance(form, bytes) else urlencode(form, errors="replace").encode()
    sent = {"content-type": b"application/x-www-form-urlencoded", **headers}
    if real:
        # Past the client's authentication there is more code that could stumble.
        sent["authorization"] = httpx.BasicAuth(app.client_id, app.secret)._auth_header.encode()
        query = {name: value for name, value in query.items() if name in {"scope", "zid", "authorities"}}
    url = f"{path}?{urlencode(query, errors='replace')}"
    answer = server.http.request(method, url, content=body, headers=sent)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and method != "HEAD" and b"Invalid host" not in answer.content:
        assert answer.headers["entryway-error"] or path == "/login.do"
        assert answer.headers["x-content-type-options"] == "nosniff"
