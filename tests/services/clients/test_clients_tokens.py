"""Asking a token service, over real TLS."""

import asyncio
import gzip
import ssl
import threading

import pytest

from entryway.clients.access import BearerCaller, OwnToken, PlatformRefused
from entryway.clients.http import Timeouts, call, new_http
from entryway.clients.tokens import ClientIdentity, TokenClient, TokenRefused
from entryway.errors import UpstreamError, UpstreamTimeout, UpstreamUnreachable
from entryway.testing.authority import TestAuthority
from entryway.testing.serving import free_port
from entryway.testing.token_service import running_token_service

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def authority(tmp_path):
    return TestAuthority.create(tmp_path)


@pytest.fixture
def service(authority):
    with running_token_service(authority) as service:
        yield service


@pytest.fixture
async def http(authority):
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    async with new_http(context, Timeouts(connect=2, read=1, pool=2)) as http:
        yield http


@pytest.fixture
def client(service):
    return ClientIdentity("sb-app!t1", "s3cret-value", service.token_url)


@pytest.fixture
def tokens(http):
    return TokenClient(http)


class TestGrants:
    async def test_client_credentials(self, service, client, tokens):
        got = await tokens.client_credentials(client, scope=["a", "b"], correlation_id="c-1")
        assert (got.access_token, got.expires_in, got.scope) == ("the-token", 3600, "a b")
        assert got.refresh_token is got.id_token is None
        assert "the-token" not in repr(got)
        [request] = service.requests
        assert (request.method, request.path) == ("POST", "/oauth/token")
        assert request.form == {
            "grant_type": "client_credentials",
            "client_id": "sb-app!t1",
            "client_secret": "s3cret-value",
            "scope": "a b",
        }
        assert request.headers["accept"] == "application/json"
        assert request.headers["x-correlationid"] == "c-1"
        assert "authorization" not in request.headers

    async def test_jwt_bearer(self, service, client, tokens):
        await tokens.jwt_bearer(client, "the-assertion")
        form = service.requests[0].form
        assert (form["grant_type"], form["assertion"]) == (JWT_BEARER, "the-assertion")

    async def test_authorization_code(self, service, client, tokens):
        service.answer = (
            200,
            {"access_token": "a", "refresh_token": "r", "id_token": "i", "expires_in": "60", "token_type": "Bearer"},
        )
        got = await tokens.authorization_code(client, "the-code", "http://x/callback", code_verifier="v")
        assert (got.access_token, got.refresh_token, got.id_token, got.expires_in) == ("a", "r", "i", 60)
        form = service.requests[0].form
        assert form["code_verifier"] == "v"
        assert form["redirect_uri"] == "http://x/callback"

    async def test_refresh_and_password(self, service, client, tokens):
        await tokens.refresh(client, "r")
        await tokens.password(client, "kim", "p&w=1")
        first, second = service.requests
        assert (first.form["grant_type"], first.form["refresh_token"]) == ("refresh_token", "r")
        assert (second.form["username"], second.form["password"]) == ("kim", "p&w=1")

    async def test_a_client_without_a_secret_sends_none(self, service, tokens):
        await tokens.client_credentials(ClientIdentity("c", None, service.token_url))
        assert "client_secret" not in service.requests[0].form


class TestFailures:
    async def test_a_refusal_is_told_apart_and_repeats_no_secret(self, service, client, tokens):
        service.answer = (401, {"error": "unauthorized", "error_description": "Bad credentials: s3cret-value"})
        with pytest.raises(TokenRefused) as caught:
            await tokens.client_credentials(client)
        assert (caught.value.answered, caught.value.error) == (401, "unauthorized")
        assert "s3cret-value" not in str(caught.value)
        assert len(service.requests) == 1

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
    async def test_a_server_in_trouble_is_no_refusal(self, service, client, tokens, status):
        service.answer = (status, {"error": "x"})
        with pytest.raises(UpstreamError) as caught:
            await tokens.client_credentials(client)
        assert not isinstance(caught.value, TokenRefused)
        assert len(service.requests) == (2 if status in {502, 503, 504} else 1)

    @pytest.mark.parametrize(
        "ask",
        [
            lambda tokens, client: tokens.authorization_code(client, "c", "http://x"),
            lambda tokens, client: tokens.refresh(client, "r"),
            lambda tokens, client: tokens.password(client, "u", "p"),
        ],
    )
    async def test_what_is_used_up_is_sent_once(self, service, client, tokens, ask):
        service.answer = (503, "")
        with pytest.raises(UpstreamError):
            await ask(tokens, client)
        assert len(service.requests) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            (200, ""),
            (200, "no json"),
            (200, []),
            (200, {}),
            (200, {"access_token": None}),
            (200, {"access_token": ""}),
            (200, {"access_token": "a\r\nevil: 1"}),
            (200, {"access_token": "€"}),
            (200, {"access_token": "x", "expires_in": -1}),
            (200, {"access_token": "x", "expires_in": "soon"}),
            (200, "x" * 2_000_000),
            (302, ""),
            (404, "nothing"),
        ],
    )
    async def test_answers_that_are_no_token(self, service, client, tokens, answer):
        service.answer = answer
        service.headers = {"location": "https://evil.example/"}
        with pytest.raises(UpstreamError):
            await tokens.client_credentials(client)

    async def test_no_answer(self, service, client, tokens):
        service.hold = threading.Event()
        with pytest.raises(UpstreamTimeout):
            await tokens.password(client, "u", "p")

    async def test_nobody_there(self, tokens):
        client = ClientIdentity("c", "s", f"https://localhost:{free_port()}/oauth/token")
        with pytest.raises(UpstreamUnreachable) as caught:
            await tokens.client_credentials(client)
        assert "/oauth/token" not in caught.value.origin

    async def test_a_server_that_is_not_believed(self, service, client, tmp_path):
        other = TestAuthority.create(tmp_path / "other")
        context = ssl.create_default_context(cafile=str(other.ca_file))
        async with new_http(context) as http:
            with pytest.raises(UpstreamUnreachable, match="certificate"):
                await TokenClient(http).client_credentials(client)
        assert service.requests == []

    @pytest.mark.parametrize("url", ["", "ftp://a", "https://", "https://a:b/", "not a url"])
    async def test_addresses_that_are_none(self, http, url):
        with pytest.raises(UpstreamError):
            await call(http, "GET", url)

    async def test_a_password_in_an_address_is_not_told(self, http):
        with pytest.raises(UpstreamError) as caught:
            await call(http, "GET", f"https://user:s3cret@localhost:{free_port()}/x?code=s3cret")
        assert "s3cret" not in str(caught.value)


class TestAnswers:
    async def test_one_that_is_compressed_though_nobody_asked_for_it(self, service, http):
        service.answer, service.headers = (200, gzip.compress(b'{"a": 1}')), {"content-encoding": "gzip"}
        assert (await call(http, "GET", service.url)).json_object() == {"a": 1}
        assert service.requests[0].headers["accept-encoding"] == "identity"

    async def test_a_small_one_that_becomes_a_large_one(self, service, http):
        service.answer, service.headers = (200, gzip.compress(bytes(1_000_000))), {"content-encoding": "gzip"}
        with pytest.raises(UpstreamError, match="more than"):
            await call(http, "GET", service.url, limit=100_000)

    async def test_one_that_is_not_what_it_says(self, service, http):
        service.answer, service.headers = (200, b"plain"), {"content-encoding": "gzip"}
        with pytest.raises(UpstreamError, match="coding"):
            await call(http, "GET", service.url)

    async def test_connections_are_kept(self, service, http):
        for _ in range(3):
            await call(http, "GET", service.url, auth=("kim", "p"))
        assert http.engine.connection_counts() == (1, 1, 0)
        assert {request.headers["authorization"] for request in service.requests} == {"Basic a2ltOnA="}

    async def test_a_header_that_would_end_its_line_is_not_sent(self, service, http):
        with pytest.raises(UpstreamError) as caught:
            await call(http, "GET", service.url, headers={"x-user-token": "s3cret\r\nx: y"})
        assert service.requests == []
        assert "s3cret" not in str(caught.value)


class TestOwnToken:
    async def test_is_fetched_once_and_renewed_ahead(self, service, client, tokens):
        now = [0.0]
        token = OwnToken(tokens, client, seconds=lambda: now[0])
        async with asyncio.TaskGroup() as tasks:
            for _ in range(10):
                tasks.create_task(token.value())
        assert len(service.requests) == 1
        now[0] = 3539
        await token.value()
        assert len(service.requests) == 1
        now[0] = 3540
        await token.value()
        assert len(service.requests) == 2

    async def test_is_fetched_again_when_it_is_not_believed(self, authority, http, service, client, tokens):
        with running_token_service(authority) as protected:
            protected.answer = (401, {"error": "invalid_token"})
            caller = BearerCaller(http, protected.url, OwnToken(tokens, client))
            with pytest.raises(PlatformRefused) as caught:
                await caller.send("GET", "/x")
        assert caught.value.answered == 401
        assert (len(protected.requests), len(service.requests)) == (2, 2)

    async def test_a_refusal_says_why(self, authority, http, client, tokens):
        with running_token_service(authority) as protected:
            protected.answer = (400, {"error": "BadRequest", "description": "the reason"})
            with pytest.raises(PlatformRefused) as caught:
                await BearerCaller(http, protected.url, OwnToken(tokens, client)).send("POST", "/x", json={})
        assert caught.value.description == "the reason"


async def test_the_client_follows_no_redirect_and_no_environment(service, http, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://localhost:{free_port()}")
    service.answer = (302, "")
    service.headers = {"location": "https://evil.example/"}
    answer = await call(http, "GET", service.url)
    assert answer.status == 302
