"""What is asked of a token endpoint, and when again: conversations without a network."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.errors import ConfigurationError
from entryway.security import ExchangeFailed, Tokens
from entryway.security.token_request import RETRIES, ask_for_tokens, parse_client, token_request
from entryway.security.wire import Answer, NoAnswer, Pause, Request

CREDENTIALS = {
    "clientid": "sb-app!t1",
    "clientsecret": "s+3=cret",
    "url": "https://dev.auth.example",
    "identityzone": "dev",
    "uaadomain": "auth.example",
}
CERTIFICATE = {"certificate": "the certificate", "key": "the key", "certurl": "https://dev.auth.cert.example"}
GOOD = Answer(200, {}, b'{"access_token": "t", "expires_in": 60}')
REQUEST = Request("https://dev.auth.example/oauth/token", {}, {})


def talk(answers: list[Answer | NoAnswer]) -> tuple[Tokens, list[float]]:
    """Return what the conversation comes to with these answers, and how long it paused."""
    conversation, pauses = ask_for_tokens(REQUEST, lambda: 1.0), []
    step = next(conversation)
    try:
        while True:
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                step = conversation.send(None)
            else:
                step = conversation.send(answers.pop(0))
    except StopIteration as end:
        assert not answers
        return end.value, pauses


class TestRequest:
    def test_as_the_client_of_the_binding(self):
        request = token_request(parse_client(CREDENTIALS), {"grant_type": "client_credentials"}, scopes=("a", "b"))
        assert (request.method, request.url) == ("POST", "https://dev.auth.example/oauth/token")
        assert request.form == {
            "grant_type": "client_credentials",
            "client_id": "sb-app!t1",
            "client_secret": "s+3=cret",
            "scope": "a b",
        }

    def test_of_another_tenant(self):
        client = parse_client(CREDENTIALS)
        assert token_request(client, {}, subdomain="other").url == "https://other.auth.example/oauth/token"
        request = token_request(client, {}, zid="1234")
        assert (request.url, request.headers["x-zid"]) == ("https://auth.example/oauth/token", "1234")

    def test_with_a_certificate_no_secret_is_sent(self):
        request = token_request(parse_client(CREDENTIALS | CERTIFICATE), {}, zid="1234")
        assert request.url == "https://dev.auth.cert.example/oauth/token"
        assert "client_secret" not in request.form
        assert request.headers["x-zid"] == "1234"

    @pytest.mark.parametrize("subdomain", ["", "a.b", "evil.example/", "a@b", "-a", "a" * 64, "Ä"])
    def test_a_subdomain_is_one_label(self, subdomain):
        with pytest.raises(ConfigurationError):
            token_request(parse_client(CREDENTIALS), {}, subdomain=subdomain)

    @pytest.mark.parametrize("zid", ["", "a\r\nx: y", "a b", "ä"])
    def test_a_tenant_cannot_write_a_header(self, zid):
        with pytest.raises(ConfigurationError):
            token_request(parse_client(CREDENTIALS), {}, zid=zid)

    def test_an_address_without_the_subdomain_cannot_be_another_tenants(self):
        client = parse_client(CREDENTIALS | {"url": "https://localhost:8443"})
        with pytest.raises(ConfigurationError):
            token_request(client, {}, subdomain="other")

    @pytest.mark.parametrize("url", ["http://auth.example", "ftp://auth.example", "https://a@auth.example", "https://"])
    def test_secrets_are_not_sent_in_the_clear(self, url):
        with pytest.raises(ConfigurationError):
            parse_client(CREDENTIALS | {"url": url})

    @pytest.mark.parametrize("name", ["clientid", "clientsecret", "url"])
    def test_what_is_missing_is_named(self, name):
        with pytest.raises(ConfigurationError, match=name):
            parse_client(CREDENTIALS | {name: ""})

    @pytest.mark.parametrize("credentials", [None, [], "text"])
    def test_no_credentials_are_said_to_be_none(self, credentials):
        with pytest.raises(ConfigurationError, match="no credentials"):
            parse_client(credentials)

    def test_secrets_are_not_shown(self):
        client = parse_client(CREDENTIALS)
        assert "cret" not in repr(client) + repr(token_request(client, {})) + repr(talk([GOOD])[0])


class TestAnswer:
    def test_a_token(self):
        assert talk([GOOD]) == (Tokens("t", 60.0), [])

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_a_server_that_cannot_just_now_is_asked_again(self, status):
        bad = Answer(status, {}, b"")
        assert talk([bad, NoAnswer("no"), bad, GOOD]) == (Tokens("t", 60.0), [0.5, 1.0, 2.0])

    def test_but_not_for_ever(self):
        bad = Answer(503, {}, b"")
        with pytest.raises(ExchangeFailed, match="503"):
            talk([bad] * (RETRIES + 1))
        with pytest.raises(ExchangeFailed, match="no route"):
            talk([NoAnswer("no route")] * (RETRIES + 1))

    def test_as_late_as_it_wishes(self):
        assert talk([Answer(429, {"retry-after": "7"}, b""), GOOD])[1] == [7.0]
        with pytest.raises(ExchangeFailed):
            talk([Answer(429, {"retry-after": "3600"}, b"")])

    @pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 418])
    def test_a_refusal_is_final(self, status):
        with pytest.raises(ExchangeFailed, match=f"{status} invalid_grant") as caught:
            talk([Answer(status, {}, b'{"error": "invalid_grant", "error_description": "for the user x"}')])
        assert caught.value.answered == status
        assert "user x" not in caught.value.detail

    @given(st.recursive(st.none() | st.integers() | st.text() | st.floats(), st.lists))
    def test_no_answer_is_a_token_without_being_one(self, value):
        for document in (value, {"access_token": value if not isinstance(value, str) else ""}):
            with pytest.raises(ExchangeFailed):
                talk([Answer(200, {}, json.dumps(document).encode())])

    @pytest.mark.parametrize("seconds", ["60", None, -1, 1e30, True, []])
    def test_a_life_that_makes_no_sense_is_none(self, seconds):
        tokens, _ = talk([Answer(200, {}, json.dumps({"access_token": "t", "expires_in": seconds}).encode())])
        assert tokens.expires_in in {0.0, 1.0}
