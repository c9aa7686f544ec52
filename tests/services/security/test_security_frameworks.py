"""Flask, Django and its REST framework, bare WSGI and ASGI: the same callers get the same answers from all of them."""

import asyncio
import base64
import hashlib
import logging
from collections.abc import Callable

import django
import flask
import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from django.urls import path
from werkzeug.test import Client

from entryway.security import TokenMissing, TokenValidator, asgi, wsgi
from entryway.security import flask as in_flask
from entryway.security.bearer import Protection
from entryway.security.bound_certificate import HEADER
from entryway.security.current import acting_as, current_context
from entryway.security.rules import has_attribute

if not settings.configured:
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], USE_TZ=True, INSTALLED_APPS=["rest_framework"],
                       REST_FRAMEWORK={"UNAUTHENTICATED_USER": None}, DEFAULT_CHARSET="utf-8")  # fmt: skip
    django.setup()

from rest_framework.response import Response
from rest_framework.views import APIView

from entryway.security import django as in_django
from entryway.security import drf

urlpatterns = [
    path("products", in_django.require_scope("Display")(lambda _: HttpResponse(current_context().get_logon_name()))),
    path("public", in_django.public(lambda _: HttpResponse("open"))),
    path("plain", lambda request: HttpResponse(request.security_context.get_logon_name())),
]


def callers(issuer) -> dict[str, tuple[str | None, int]]:
    return {
        "with the scope": (issuer.token(scopes=["Display"]), 200),
        "without the scope": (issuer.token(scopes=["Edit"]), 403),
        "expired": (issuer.token(scopes=["Display"], lifetime=-5), 401),
        "of another application": (issuer.token(xsappname="other!t1", scopes=["Display"]), 401),
        "two in one": (issuer.token(scopes=["Display"]) + ",Bearer x", 401),
        "nobody": (None, 401),
    }


def in_flask_view(validator) -> Callable[[dict], object]:
    app = flask.Flask("test")
    in_flask.configure(app, validator)

    @app.get("/")
    @in_flask.require_scope("Display")
    def view() -> str:
        return current_context().get_logon_name()

    return lambda headers: app.test_client().get("/", headers=headers)


def in_bare_wsgi(validator) -> Callable[[dict], object]:
    def app(environ, start_response):
        start_response("200 OK", [])
        yield current_context().get_logon_name().encode()

    return lambda headers: Client(wsgi.Protected(app, validator, scope="Display")).get("/", headers=headers)


def in_bare_asgi(validator) -> Callable[[dict], object]:
    import httpx  # noqa: PLC0415

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": current_context().get_logon_name().encode()})

    async def get(headers):
        transport = httpx.ASGITransport(asgi.Protected(app, validator, scope="Display"))
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as http:
            return await http.get("/", headers=headers)

    return lambda headers: asyncio.run(get(headers))


def in_django_view(validator) -> Callable[[dict], object]:
    view = urlpatterns[0].callback
    return lambda headers: with_settings(validator, lambda: view(RequestFactory().get("/", headers=headers)))


def in_asynchronous_django_view(validator) -> Callable[[dict], object]:
    @in_django.require_scope("Display")
    async def view(request):
        assert request.security_context is current_context()
        return HttpResponse(current_context().get_logon_name())

    def get(headers):
        return with_settings(validator, lambda: asyncio.run(view(AsyncRequestFactory().get("/", headers=headers))))

    return get


def in_rest_framework(validator) -> Callable[[dict], object]:
    class View(APIView):
        authentication_classes = (drf.TokenAuthentication,)
        permission_classes = (drf.has_scope("Display"),)

        def get(self, request) -> Response:
            assert request.user.is_authenticated
            assert request.user.pk == request.auth.get_user_id()
            return Response(str(request.user))

    def get(headers):
        answer = with_settings(validator, lambda: View.as_view()(RequestFactory().get("/", headers=headers)))
        answer.render() if hasattr(answer, "render") else None
        return answer

    return get


def with_settings(validator, call):
    with override_settings(ENTRYWAY_SECURITY=validator):
        return call()


FRAMEWORKS = [
    in_flask_view,
    in_bare_wsgi,
    in_bare_asgi,
    in_django_view,
    in_asynchronous_django_view,
    in_rest_framework,
]


def content_of(answer) -> str:
    content = answer.content if hasattr(answer, "content") else answer.data
    return content.decode()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_framework_lets_the_same_callers_in(framework, issuer, validator):
    get = framework(validator)
    for kind, (token, expected) in callers(issuer).items():
        answer = get({"authorization": f"Bearer {token}"} if token else {})
        assert answer.status_code == expected, kind
        if expected == 200:
            assert "alex" in content_of(answer)
        elif expected == 401:
            challenge = 'Bearer error="invalid_token"' if token else "Bearer"
            assert answer.headers["www-authenticate"] == challenge, kind
        if token:
            assert token not in content_of(answer)
    with pytest.raises(TokenMissing):
        current_context()  # nothing is left behind


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_no_framework_tells_the_reason(framework, issuer, validator, caplog):
    get = framework(validator)
    with caplog.at_level(logging.WARNING, "entryway.security"):
        texts = {
            content_of(get({"authorization": f"Bearer {token}"}))
            for token in (issuer.token(lifetime=-5), issuer.token(xsappname="other!t1"), "x.y.z")
        }
    assert len(texts) == 1
    for reason in ("expired", "audience", "malformed"):
        assert reason in caplog.text
        assert reason not in "".join(texts)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_no_keys_are_no_verdict(framework, issuer, validator):
    issuer.failing = 500
    answer = framework(validator)({"authorization": f"Bearer {issuer.token()}"})
    assert answer.status_code == 503


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_token_bound_to_a_certificate(framework, issuer, validator):
    pem = issuer.authority.issue_client("kim").certificate.read_text()
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    get = framework(Protection(validator, certificate_header=HEADER))
    bound = {"authorization": f"Bearer {issuer.token(scopes=['Display'], cnf={'x5t#S256': thumbprint})}"}
    other = {"authorization": f"Bearer {issuer.token(scopes=['Display'], cnf={'x5t#S256': 'A' * 43})}"}
    unbound = {"authorization": f"Bearer {issuer.token(scopes=['Display'])}"}
    shown = {HEADER: base64.b64encode(der).decode()}
    assert get(bound | shown).status_code == 200
    for refused in (bound, other | shown, unbound | shown, bound | {HEADER: "nonsense"}, bound | {HEADER: ""}):
        assert get(refused).status_code == 401


class TestDjangoMiddleware:
    @pytest.fixture
    def get(self, validator):
        client = django.test.Client()
        with override_settings(ENTRYWAY_SECURITY=validator, MIDDLEWARE=["entryway.security.django.RequireToken"]):

            def get(place, **headers):
                return client.get(place, headers=headers)

            yield get

    def test_a_token_is_asked_for_everywhere(self, get, issuer):
        assert get("/plain").status_code == 401
        assert get("/plain", authorization=f"Bearer {issuer.token()}").content == b"alex"
        assert get("/products", authorization=f"Bearer {issuer.token()}").status_code == 403
        assert get("/products", authorization=f"Bearer {issuer.token(scopes=['Display'])}").status_code == 200

    def test_but_not_where_everybody_may_come(self, get):
        assert get("/public").content == b"open"


def test_decorators_add_up(issuer, validator):
    app = flask.Flask("test")
    in_flask.configure(app, validator)

    @app.get("/")
    @in_flask.require_any("Display", "Edit")
    @in_flask.require_attribute("country", "DE")
    def view() -> str:
        return "in"

    def status(**claims) -> int:
        token = issuer.token(**claims)
        return app.test_client().get("/", headers={"authorization": f"Bearer {token}"}).status_code

    german = {"xs.user.attributes": {"country": ["DE", "FR"]}}
    assert status(scopes=["Edit"], **german) == 200
    assert status(scopes=["Other"], **german) == 403
    assert status(scopes=["Edit"]) == 403
    assert status(scopes=["Edit"], **{"xs.user.attributes": {"country": ["FR"]}}) == 403


def test_an_attribute_of_any_value(issuer, validator: TokenValidator):
    rule = has_attribute("country")
    assert rule.allows(validator.validate(issuer.token(**{"xs.user.attributes": {"country": ["DE"]}})))
    for none in ({}, {"country": []}, {"country": "DE"}, {"country": None}):
        assert not rule.allows(validator.validate(issuer.token(**{"xs.user.attributes": none})))


async def test_tasks_of_one_loop_have_their_own_callers(issuer, validator):
    async def job(user: str) -> None:
        with acting_as(validator.validate(issuer.token(user=user))):
            await asyncio.sleep(0)
            assert current_context().get_logon_name() == user

    await asyncio.gather(job("kim"), job("alex"))
