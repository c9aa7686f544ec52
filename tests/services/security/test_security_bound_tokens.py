"""Tokens bound to a certificate, at servers that ask for certificates themselves."""

from __future__ import annotations

import base64
import hashlib
import ssl

import fastapi
import flask
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from entryway.http.asking_tls import AskingContext
from entryway.http.hosted_asgi import HostedAsgi
from entryway.http.server import Server
from entryway.security import asgi
from entryway.security import fastapi as in_fastapi
from entryway.security import flask as in_flask
from entryway.security.bearer import Protection
from entryway.security.bound_certificate import CONNECTION, HEADER
from entryway.security.current import current_context


def bare(protection: Protection):
    async def name(_: Request) -> Response:
        return PlainTextResponse(current_context().get_logon_name())

    return asgi.Protected(Starlette(routes=[Route("/", name)]), protection)


def in_fastapi_view(protection: Protection):
    app = fastapi.FastAPI()
    in_fastapi.configure(app, protection)

    @app.get("/", dependencies=[fastapi.Depends(in_fastapi.require_scope("Display"))])
    def inside() -> str:
        return "inside"

    return app


def bound(issuer, pem: str) -> dict[str, str]:
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()).rstrip(b"=").decode()
    token = issuer.token(scopes=["Display"], cnf={"x5t#S256": thumbprint})
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("application", [bare, in_fastapi_view])
async def test_the_connections_certificate_is_the_tokens(application, issuer, validator) -> None:
    files = issuer.authority.issue_server()
    mine, other = (issuer.authority.issue_client(name) for name in ("kim", "kay"))
    app = application(Protection(validator, certificate_header=CONNECTION))
    server = Server(HostedAsgi(app, ("localhost", 0)))
    _, port = await server.listen("127.0.0.1", 0, ssl=AskingContext(files.certificate, files.key))
    pem = mine.certificate.read_text()

    async def status(shown, headers: dict[str, str]) -> int:
        context = ssl.create_default_context(cafile=str(issuer.authority.ca_file))
        if shown is not None:
            context.load_cert_chain(shown.certificate, shown.key)
        async with httpx.AsyncClient(verify=context) as http:
            return (await http.get(f"https://localhost:{port}/", headers=headers)).status_code

    try:
        token = bound(issuer, pem)
        assert await status(mine, token) == 200
        assert await status(other, token) == 401
        assert await status(None, token) == 401
        # What a proxy would say counts for nothing where there is none.
        assert await status(None, token | {HEADER: base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode()}) == 401
        unbound = {"authorization": f"Bearer {issuer.token(scopes=['Display'])}"}
        assert await status(mine, unbound) == 401
    finally:
        await server.close(1)


def test_of_wsgi_the_variable_of_mod_ssl_counts(issuer, validator) -> None:
    app = flask.Flask("bound")
    in_flask.configure(app, Protection(validator, certificate_header=CONNECTION))

    @app.get("/")
    @in_flask.require_scope("Display")
    def name() -> str:
        return current_context().get_logon_name()

    mine, other = (issuer.authority.issue_client(name).certificate.read_text() for name in ("kim", "kay"))
    headers = bound(issuer, mine)

    def status(**environ: str) -> int:
        return app.test_client().get("/", headers=headers, environ_overrides=environ).status_code

    assert status(SSL_CLIENT_CERT=mine) == 200
    assert status(SSL_CLIENT_CERT=other) == 401
    assert status() == 401
    assert status(HTTP_SSL_CLIENT_CERT=mine) == 401
