"""What works once works once for two servers on one database that are asked at the same moment."""

from __future__ import annotations

import base64
import hashlib
import re
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from entryway.accounts.passwords import Passwords
from entryway.clients.outgoing_addresses import INSIDE
from entryway.idp.build import build
from entryway.idp.factors.totp import code_at
from entryway.idp.settings import IdpSettings, MailSettings
from entryway.testing.databases import PostgresServer
from entryway.testing.idp import (
    ADMIN_SECRET,
    CALLBACK,
    MASTER_KEY,
    PASSWORD,
    Person,
    RunningIdp,
    code_in,
    hidden_fields,
    running_idp,
)
from entryway.testing.passwords import CHEAP
from entryway.testing.serving import served

AT_ONCE = 8


class Pair:
    """One identity provider that is two servers; `race` sends the same to both at one moment."""

    def __init__(self, first: RunningIdp, second_url: str) -> None:
        self.first = first
        self.urls = (first.url, second_url)
        self.clients = [
            httpx.Client(base_url=self.urls[number % 2], verify=first.tls, timeout=30) for number in range(AT_ONCE)
        ]
        for client in self.clients:
            client.get("/healthz")  # so that the race is not one of handshakes

    def race(self, send: Callable[[httpx.Client], httpx.Response]) -> list[httpx.Response]:
        start = Barrier(AT_ONCE)

        def one(client: httpx.Client) -> httpx.Response:
            start.wait()
            return send(client)

        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(one, self.clients))

    def post(self, path: str, forms: list[dict[str, str]], people: list[Person]) -> list[httpx.Response]:
        """Send to each server what a browser of its own was shown."""
        numbers = iter(range(AT_ONCE))

        def send(client: httpx.Client) -> httpx.Response:
            number = next(numbers) % len(forms)
            headers = {"cookie": "; ".join(f"{key}={value}" for key, value in people[number].http.cookies.items())}
            return client.post(path, data=forms[number], headers=headers)

        return self.race(send)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgresServer) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    with running_idp(folder, database_url=postgresql.url) as first:

        def another(url: str) -> Any:
            del url  # it is known by the address of the first
            settings = IdpSettings(
                public_url=first.url,
                database_url=postgresql.url(folder, "idp"),
                master_key=MASTER_KEY,
                admin_client_secret=ADMIN_SECRET,
                mail=MailSettings(folder=first.mail),
                outgoing=INSIDE,
            )
            return build(settings, clock=first.clock, passwords=Passwords(CHEAP))

        with served(another, first.authority) as second:
            made = Pair(first, second)
            yield made
            for client in made.clients:
                client.close()


@pytest.fixture(scope="module")
def idp(pair: Pair) -> RunningIdp:
    return pair.first


def statuses(answers: list[httpx.Response]) -> list[int]:
    found = sorted(answer.status_code for answer in answers)
    assert max(found) < 500, found
    return found


def test_a_code_has_one_winner_and_the_race_ends_what_it_won(pair: Pair, idp: RunningIdp, name: str) -> None:
    idp.user(name)
    application = idp.application()
    person = idp.person()
    code = code_in(person.log_in(person.authorize(application, scope="openid offline_access"), name))
    person.http.close()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    proof = (application.client_id, application.secret)
    answers = pair.race(lambda client: client.post("/oauth2/token", data=form, auth=proof))
    won = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(won) <= 1, statuses(answers)
    for tokens in won:
        for token in (tokens["access_token"], tokens["refresh_token"]):
            for client in pair.clients[:2]:
                told = client.post("/oauth2/introspect", data={"token": token}, auth=proof).json()
                assert told == {"active": False}
        again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert idp.token(application, **again).status_code == 400


def test_a_refresh_token_of_a_public_client_has_one_winner(pair: Pair, idp: RunningIdp, name: str) -> None:
    idp.user(name)
    application = idp.application(public=True, grant_types=["authorization_code", "refresh_token"])
    verifier = "v" * 43
    person = idp.person()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    page = person.authorize(application, code_challenge=challenge, code_challenge_method="S256")
    code = code_in(person.log_in(page, name))
    person.http.close()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
    tokens = idp.http.post("/oauth2/token", data={**form, "client_id": application.client_id}).json()
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    data = {**refresh, "client_id": application.client_id}
    answers = pair.race(lambda client: client.post("/oauth2/token", data=data))
    won = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(won) <= 1, statuses(answers)
    for each in won:
        # Two have shown the same token, so nobody may go on with what came of it.
        again = {
            "grant_type": "refresh_token",
            "refresh_token": each["refresh_token"],
            "client_id": application.client_id,
        }
        assert idp.http.post("/oauth2/token", data=again).status_code == 400


def test_a_signature_of_an_application_has_one_winner(pair: Pair, idp: RunningIdp) -> None:
    key = RSAKey.generate_key(2048, {"kid": "k1"})
    application = idp.application(jwks=[key.as_dict(private=False) | {"alg": "RS256", "use": "sig"}])
    now = int(time.time())
    claims = {
        "iss": application.client_id,
        "sub": application.client_id,
        "aud": f"{idp.url}/oauth2/token",
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 120,
    }
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "RS256", "kid": "k1"}, claims, key),
    }
    answers = pair.race(lambda client: client.post("/oauth2/token", data=form))
    assert statuses(answers).count(200) == 1


def enrolled(idp: RunningIdp, name: str) -> tuple[bytes, list[str]]:
    idp.user(name)
    person = idp.person()
    page = person.log_in(person.authorize(idp.application(factor_rules=[{"second_factor": "required"}])), name)
    (key,) = re.findall(r"<code>([A-Z2-7]+)</code>", page.text)
    secret = base64.b32decode(key + "=" * (-len(key) % 8))
    shown = person.send(page, "/login/enrol", code=code_at(secret, int(idp.clock().timestamp()) // 30))
    person.http.close()
    return secret, re.findall(r"<li>([a-z2-9]{5}-[a-z2-9]{5})</li>", shown.text)


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_a_second_factor_has_one_winner(pair: Pair, idp: RunningIdp, name: str, kind: str) -> None:
    secret, recovery = enrolled(idp, name)
    idp.clock.advance(seconds=60)
    people = [idp.person() for _ in range(4)]
    application = idp.application()
    pages = [person.log_in(person.authorize(application), name) for person in people]
    code = code_at(secret, int(idp.clock().timestamp()) // 30) if kind == "app" else recovery[0]
    forms = [hidden_fields(page, "/login/code") | {"code": code} for page in pages]
    answers = pair.post("/login/code", forms, people)
    for person in people:
        person.http.close()
    assert statuses(answers).count(302) == 1


def test_a_link_has_one_winner(pair: Pair, idp: RunningIdp, name: str) -> None:
    idp.user(name)
    person = idp.person()
    person.send(person.http.get("/password/forgotten"), "/password/forgotten", username=name)
    (link,) = re.findall(rf"{re.escape(idp.url)}(\S+)", idp.mail_to(f"{name}@example.com")["text"])
    hidden = hidden_fields(person.http.get(link), "/password/new")
    forms = [hidden | {"password": f"{PASSWORD} {number}", "repeated": f"{PASSWORD} {number}"} for number in range(8)]
    answers = pair.post("/password/new", forms, [person] * 8)
    person.http.close()
    assert statuses(answers).count(200) == 1
    fits = [
        idp.token(idp.application(grant_types=["password"]), grant_type="password", username=name, password=given)
        for given in (form["password"] for form in forms)
    ]
    assert [answer.status_code for answer in fits].count(200) <= 1
