"""A FastAPI application and a bare ASGI one, protected as a user would protect them."""

import json
import logging
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI

from entryway.security import TokenMissing, TokenValidator, current
from entryway.security.asgi import Protected
from entryway.security.fastapi import (
    User,
    configure,
    current_context,
    current_user,
    require_any,
    require_attribute,
    require_scope,
)
from entryway.testing.issuer import Issuer


@pytest.fixture
def app(validator: TokenValidator) -> FastAPI:
    app = FastAPI()
    configure(app, validator)

    @app.get("/products", dependencies=[Depends(require_scope("Display"))])
    def products() -> list[str]:
        return ["Bread"]

    @app.get("/me")
    async def me(user: Annotated[User, Depends(current_user)]) -> dict:
        return {"name": user.logon_name, "scopes": sorted(user.scopes)}

    return app


async def get(app, path: str, *tokens: str) -> httpx.Response:
    headers = [("authorization", f"Bearer {token}") for token in tokens]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as http:
        return await http.get(path, headers=headers)


async def test_a_user_with_the_scope_may_come_in(app, issuer):
    answer = await get(app, "/products", issuer.token(scopes=["Display"]))
    assert (answer.status_code, answer.json()) == (200, ["Bread"])


async def test_the_application_knows_its_user(app, issuer):
    answer = await get(app, "/me", issuer.token(user="kim", scopes=["Edit", "Display", "other!t1.Admin"]))
    assert answer.json() == {"name": "kim", "scopes": ["Display", "Edit"]}


async def test_code_far_away_knows_who_is_calling(issuer, validator):
    app = FastAPI()
    app.add_middleware(Protected, source=validator)

    @app.get("/me")
    def me() -> str:
        return far_away()

    def far_away() -> str:
        return current.current_context().get_logon_name()

    assert (await get(app, "/me", issuer.token(user="kim"))).json() == "kim"
    assert (await get(app, "/me")).status_code == 401
    with pytest.raises(TokenMissing):
        far_away()


async def test_one_of_several_scopes_and_an_attribute(issuer, validator):
    app = FastAPI()
    configure(app, validator)
    both = [Depends(require_any("Display", "Edit")), Depends(require_attribute("country", "DE"))]

    @app.get("/", dependencies=both)
    def view() -> str:
        return "in"

    german = {"xs.user.attributes": {"country": ["DE"]}}
    assert (await get(app, "/", issuer.token(scopes=["Edit"], **german))).status_code == 200
    assert (await get(app, "/", issuer.token(scopes=["Other"], **german))).status_code == 403
    assert (await get(app, "/", issuer.token(scopes=["Edit"]))).status_code == 403


async def test_without_a_token(app):
    answer = await get(app, "/products")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {"detail": "Unauthorized"}


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer", "Token x"])
async def test_a_header_that_carries_no_token(app, value):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as http:
        answer = await http.get("/products", headers={"authorization": value})
    assert answer.status_code == 401


async def test_every_bad_token_gets_the_same_answer_and_the_log_has_the_reason(app, issuer: Issuer, caplog):
    bad = {
        "expired": issuer.token(scopes=["Display"], lifetime=-5),
        "audience": issuer.token(xsappname="other!t1", scopes=["Display"]),
        "malformed": "garbage",
        "signature": issuer.token(scopes=["Display"])[:-8] + "AAAAAAAA",
    }
    for reason, token in bad.items():
        caplog.clear()
        answer = await get(app, "/products", token)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert answer.json() == {"detail": "Unauthorized"}
        assert reason in caplog.text
        assert token not in caplog.text


async def test_without_the_scope(app, issuer, caplog):
    answer = await get(app, "/products", issuer.token(scopes=["Edit"]))
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    # Neither the scope nor the application's name is told.
    assert answer.json() == {"detail": "Forbidden"}
    assert "access_refused: scope Display" in caplog.text


async def test_the_same_scope_of_another_application_does_not_count(app, issuer):
    token = issuer.token(scopes=["other!t1.Display"])
    assert (await get(app, "/products", token)).status_code == 403


async def test_keys_that_cannot_be_had_are_no_fault_of_the_caller(app, issuer, caplog):
    issuer.failing = 500
    answer = await get(app, "/products", issuer.token(scopes=["Display"]))
    assert answer.status_code == 503
    assert answer.json() == {"detail": "Service Unavailable"}
    assert "keys_unavailable" in caplog.text


async def test_the_binding_is_found_in_the_environment(issuer, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca_file))
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("VCAP_SERVICES", vcap(issuer))
    app = FastAPI(dependencies=[Depends(current_context)])
    app.get("/")(lambda: "in")

    assert (await get(app, "/")).status_code == 401
    assert (await get(app, "/", issuer.token())).text == '"in"'


async def hello(scope, receive, send):
    name = scope["state"]["security_context"].get_logon_name()
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": name})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": name.encode()})


async def test_any_asgi_application_can_be_protected(issuer, validator):
    app = Protected(hello, validator, scope="Display")

    assert (await get(app, "/", issuer.token(scopes=["Display"]))).text == "alex"
    assert (await get(app, "/", issuer.token())).status_code == 403
    refused = await get(app, "/")
    assert (refused.status_code, refused.text) == (401, "Unauthorized")


async def test_two_tokens_are_none(app, issuer, validator):
    token = issuer.token(scopes=["Display"])
    for protected in (Protected(hello, validator), app):
        assert (await get(protected, "/products", token, token)).status_code == 401


async def test_an_application_without_a_binding_lets_nobody_in(issuer, monkeypatch, tmp_path, caplog):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VCAP_SERVICES", raising=False)
    app = FastAPI(dependencies=[Depends(current_context)])
    app.get("/")(lambda: "in")
    answer = await get(app, "/", issuer.token())
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})
    assert "no service with the tag xsuaa is bound" in caplog.text


async def websocket(app, *tokens: str) -> list[dict]:
    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "websocket.connect"}

    async def send(message: dict) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {token}".encode()) for token in tokens]
    await app({"type": "websocket", "path": "/", "headers": headers}, receive, send)
    return sent


async def test_websockets_are_protected_too(issuer, validator):
    app = Protected(hello, validator)
    assert (await websocket(app, issuer.token()))[-1] == {"type": "websocket.send", "text": "alex"}
    assert await websocket(app) == [{"type": "websocket.close", "code": 1008}]


def vcap(issuer: Issuer) -> str:
    binding = {"name": "uaa", "label": "xsuaa", "tags": ["xsuaa"], "credentials": issuer.credentials()}
    return json.dumps({"xsuaa": [binding]})


def test_the_log_of_the_library_is_ordinary_logging():
    assert logging.getLogger("entryway.security").name == "entryway.security"
