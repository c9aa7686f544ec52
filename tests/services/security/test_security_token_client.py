"""Tokens come from a real token service, once for all who want the same."""

import asyncio
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from entryway.security import ExchangeFailed, TokenClient
from entryway.security.wire import Request, client_context, converse
from entryway.testing.token_service import running_token_service


@pytest.fixture
def service(issuer):
    with running_token_service(issuer.authority) as service:
        yield service


@pytest.fixture
def client(issuer, service):
    return TokenClient({"clientid": "c", "clientsecret": "s", "url": service.url}, tls=issuer.tls)


def test_a_token_is_asked_for_once(client, service):
    first = client.client_credentials(scopes=["a", "b"])
    assert client.client_credentials(scopes=["a", "b"]) is first
    assert client.client_credentials(scopes=["a"]).access_token == "the-token"
    assert [request.form.get("scope") for request in service.requests] == ["a b", "a"]


def test_users_and_tenants_are_kept_apart(client, service):
    service.answer = (200, {"access_token": "of alex", "expires_in": 3600})
    assert client.exchange("token of alex").access_token == "of alex"
    service.answer = (200, {"access_token": "of kim", "expires_in": 3600})
    assert client.exchange("token of kim").access_token == "of kim"
    service.answer = (200, {"access_token": "elsewhere", "expires_in": 3600})
    assert client.exchange("token of alex", zid="z2").access_token == "elsewhere"
    assert client.exchange("token of alex").access_token == "of alex"
    assert [request.form["assertion"] for request in service.requests] == [
        "token of alex",
        "token of kim",
        "token of alex",
    ]


def test_a_token_that_ends_soon_is_not_handed_out(issuer, service):
    now = [0.0]
    client = TokenClient(
        {"clientid": "c", "clientsecret": "s", "url": service.url}, tls=issuer.tls, clock=lambda: now[0]
    )
    client.client_credentials()
    now[0] = 3539
    client.client_credentials()
    assert len(service.requests) == 1
    now[0] = 3541
    client.client_credentials()
    assert len(service.requests) == 2


def test_what_a_service_refused_is_forgotten(client, service):
    tokens = client.client_credentials()
    client.forget(tokens)
    client.client_credentials()
    assert len(service.requests) == 2


def test_refreshed_tokens_are_the_callers(client, service):
    service.answer = (200, {"access_token": "new", "refresh_token": "next", "expires_in": 3600})
    assert client.refresh("old").refresh_token == "next"
    assert asyncio.run(client.refresh_async("old")).access_token == "new"
    assert [request.form["refresh_token"] for request in service.requests] == ["old", "old"]


def test_one_of_many_threads_asks(client, service):
    service.hold = threading.Event()
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(client.client_credentials) for _ in range(8)]
        service.hold.set()
        assert {tokens.result(10).access_token for tokens in waiting} == {"the-token"}
    assert len(service.requests) == 1


async def test_one_of_many_tasks_asks(client, service):
    tokens = await asyncio.gather(*(client.exchange_async("user") for _ in range(8)))
    assert len({id(one) for one in tokens}) == len(service.requests) == 1


def test_a_refusal_is_not_kept(client, service):
    good, service.answer = service.answer, (401, {"error": "invalid_client"})
    with pytest.raises(ExchangeFailed):
        client.client_credentials()
    service.answer = good
    assert client.client_credentials().access_token == "the-token"


def test_a_certificate_proves_who_asks(issuer, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca_file))
    files = issuer.authority.issue_client("sb-app!t1")
    context = client_context(files.certificate.read_text(), files.key.read_text())
    assert context.verify_mode is ssl.CERT_REQUIRED
    server = issuer.authority.server_context()
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(issuer.ca_file)
    assert shown_certificate(server, context) == "sb-app!t1"


def shown_certificate(server: ssl.SSLContext, client: ssl.SSLContext) -> str:
    """Return the name in the certificate that a server of one request was shown."""
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:

        def serve() -> str:
            plain, _ = listener.accept()
            with server.wrap_socket(plain, server_side=True) as connection:
                connection.settimeout(10)
                while b"\r\n\r\n" not in connection.recv(65536):
                    pass
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                return dict(part[0] for part in connection.getpeercert()["subject"])["commonName"]

        served = threads.submit(serve)

        def ask():
            answer = yield Request(f"https://localhost:{listener.getsockname()[1]}/")
            return answer.status

        assert converse(ask(), client) == 200
        return served.result(10)
