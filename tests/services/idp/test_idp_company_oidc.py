"""Users of a company that has an OpenID Connect provider of its own: a second identity provider."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt as pyjwt
import pytest

from entryway.testing.idp import PASSWORD, Person, RegisteredApplication, RunningIdp, code_in, running_idp

GOODBYE = "https://app.example.com/goodbye"


@dataclass
class Company:
    """The company's provider, where the identity provider under test is registered as an application."""

    idp: RunningIdp
    there: RunningIdp
    client: RegisteredApplication

    def trust(self, alias: str = "company", **settings) -> None:
        config = {"issuer": self.there.url, "client_id": self.client.client_id, "client_secret": self.client.secret}
        self.idp.provider(alias, type="oidc1.0", **{"config": config, **settings})


@pytest.fixture(scope="module")
def company(idp: RunningIdp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_idp(tmp_path_factory.mktemp("company"), idp.clock, authority=idp.authority) as there:
        client = there.application(
            redirect_uris=[f"{idp.url}/login/callback/*"],
            post_logout_redirect_uris=[f"{idp.url}/logout/callback/*"],
            back_channel_logout_uri=f"{idp.url}/logout/backchannel/company",
            claims={"department": "attribute:department"},
        )
        found = Company(idp, there, client)
        found.trust()
        yield found


@pytest.fixture
def over_there(company: Company) -> Iterator[Person]:
    person = company.there.person()
    yield person
    person.http.close()


@pytest.fixture
def application(idp: RunningIdp, company: Company) -> RegisteredApplication:
    return idp.application(logins={"default": "company"}, post_logout_redirect_uris=[GOODBYE])


def log_in_there(over_there: Person, departure: httpx.Response, name: str) -> str:
    """Log in at the company and return the address at which the browser comes back."""
    assert departure.status_code == 302, departure.text
    page = over_there.http.get(departure.headers["location"])
    return (page if page.status_code == 302 else over_there.log_in(page, name)).headers["location"]


def come_back(person: Person, address: str) -> httpx.Response:
    """Bring the company's answer, and follow the redirects of ours."""
    answer = person.http.get(address)
    assert answer.status_code == 303, answer.text
    return person.http.get(answer.headers["location"])


def claims_of(idp: RunningIdp, application: RegisteredApplication, code: str, token: str = "id_token") -> dict:
    return pyjwt.decode(idp.redeem(application, code).json()[token], options={"verify_signature": False})


def refused(answer: httpx.Response, code: str, status: int = 403) -> None:
    assert (answer.status_code, answer.headers.get("entryway-error")) == (status, code), answer.text


def test_a_user_of_the_company_logs_in_and_is_known_from_then_on(
    company: Company, application: RegisteredApplication, person: Person, over_there: Person, name: str
) -> None:
    idp = company.idp
    company.there.user(name, groups=["Sellers"], attributes={"department": ["Ropes"]})
    departure = person.authorize(application, login_hint=f"{name}@example.com")
    asked = parse_qs(urlsplit(departure.headers["location"]).query)
    assert asked["login_hint"] == [f"{name}@example.com"]
    assert asked["code_challenge_method"] == ["S256"]
    code = code_in(come_back(person, log_in_there(over_there, departure, name)))
    claims = claims_of(idp, application, code)
    assert claims["iss"] == idp.url
    assert claims["email"] == f"{name}@example.com"
    assert claims["given_name"] == name.capitalize()
    assert claims["groups"] == ["Sellers"]
    assert claims["department"] == "Ropes"
    assert claims["amr"] == ["fed"]
    assert claims["user_uuid"] != claims["sub"]
    # Logged in is logged in, and the second login finds the same user.
    assert claims_of(idp, application, code_in(person.authorize(application)))["user_uuid"] == claims["user_uuid"]
    stranger = idp.person()
    again = log_in_there(over_there, stranger.authorize(application), name)
    assert claims_of(idp, application, code_in(come_back(stranger, again)))["user_uuid"] == claims["user_uuid"]
    stranger.http.close()


def test_userinfo_and_exchanged_tokens_say_what_the_company_said(
    company: Company, application: RegisteredApplication, person: Person, over_there: Person, name: str
) -> None:
    idp = company.idp
    company.there.user(name, groups=["Sellers"])
    code = code_in(come_back(person, log_in_there(over_there, person.authorize(application), name)))
    tokens = idp.redeem(application, code).json()
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert idp.http.get("/oauth2/userinfo", headers=headers).json()["groups"] == ["Sellers"]
    for form in (
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": tokens["id_token"]},
    ):
        token = idp.token(application, **form).json()["access_token"]
        assert pyjwt.decode(token, options={"verify_signature": False})["groups"] == ["Sellers"]


def test_an_answer_works_once_in_one_browser_at_one_address(
    company: Company, application: RegisteredApplication, person: Person, over_there: Person, name: str
) -> None:
    idp = company.idp
    company.there.user(name)
    company.trust("twin")
    address = log_in_there(over_there, person.authorize(application), name)
    stranger = idp.person()
    stranger.authorize(application)
    refused(stranger.http.get(address), "login_refused")
    stranger.http.close()
    refused(person.http.get(address.replace("/callback/company", "/callback/twin")), "login_refused")
    refused(person.http.get(address.replace("/callback/company", "/callback/nobody")), "provider_unknown", 404)
    refused(person.http.get("/login/callback/company"), "login_refused")
    refused(person.http.get("/login/callback/company?state=a&state=b"), "invalid_request", 400)
    assert "code=" in come_back(person, address).headers["location"]
    refused(person.http.get(address), "login_refused")


@pytest.mark.parametrize("change", [("code=", "code=x"), ("code=", "nothing="), ("code=", "error=access_denied&c=")])
def test_a_changed_answer_is_refused(
    company: Company, person: Person, over_there: Person, name: str, change: tuple[str, str]
) -> None:
    company.there.user(name)
    application = company.idp.application(logins={"default": "company"})
    address = log_in_there(over_there, person.authorize(application), name)
    answer = person.http.get(address.replace(*change))
    assert answer.status_code in {403, 502}
    assert "location" not in answer.headers
    assert person.authorize(application, prompt="none").headers["location"].count("login_required") == 1


def test_a_password_here_opens_nothing_that_the_company_guards(
    idp: RunningIdp, company: Company, application: RegisteredApplication, person: Person, name: str
) -> None:
    idp.user(name)
    assert (
        "code="
        in person.log_in(person.authorize(idp.application(logins={"default": "entryway"})), name).headers["location"]
    )
    assert person.authorize(application).headers["location"].startswith(company.there.url)
    silent = person.authorize(application, prompt="none")
    assert "error=login_required" in silent.headers["location"]
    # Nor does the password page, had somebody kept one of another login open.
    page = person.http.get("/login")
    assert page.status_code == 303  # logged in here already


def test_a_name_of_the_company_is_never_one_of_ours(
    company: Company, application: RegisteredApplication, person: Person, over_there: Person, name: str
) -> None:
    idp = company.idp
    idp.user(name, email_verified=True)
    company.there.user(name)
    answer = person.http.get(log_in_there(over_there, person.authorize(application), name))
    refused(answer, "not_known_here")
    assert "You are not known here" in answer.text


def test_users_are_linked_by_a_confirmed_address_where_that_is_said(
    idp: RunningIdp, company: Company, person: Person, over_there: Person, name: str
) -> None:
    ours = idp.user(name, email_verified=True, groups=["Locals"])
    company.there.user(name, groups=["Sellers"], email_verified=True)
    company.trust("linking", link_users=True, create_users=False)
    application = idp.application(logins={"default": "linking"})
    code = code_in(come_back(person, log_in_there(over_there, person.authorize(application), name)))
    claims = claims_of(idp, application, code)
    assert claims["user_uuid"] == ours["id"]
    assert claims["groups"] == ["Locals", "Sellers"]
    # With the password here, the company says nothing.
    local = idp.person()
    own = idp.application(logins={"default": "entryway"})
    tokens = idp.redeem(own, code_in(local.log_in(local.authorize(own), name))).json()
    assert pyjwt.decode(tokens["id_token"], options={"verify_signature": False})["groups"] == ["Locals"]
    local.http.close()


@pytest.mark.parametrize(
    "sides",
    [
        ({"email_verified": False}, {"email_verified": True}),
        ({"email_verified": True}, {"email_verified": False}),
        ({"email_verified": True, "groups": ["Identity Administrators"]}, {"email_verified": True}),
        ({"email_verified": True, "active": False}, {"email_verified": True}),
        (None, {"email_verified": True}),
    ],
)
def test_who_is_not_linked(
    company: Company, person: Person, over_there: Person, name: str, sides: tuple[dict | None, dict]
) -> None:
    idp, (here, there) = company.idp, sides
    if here is not None:
        idp.user(name, **here)
    company.there.user(name, **there)
    company.trust("linking", link_users=True, create_users=False)
    application = idp.application(logins={"default": "linking"})
    refused(person.http.get(log_in_there(over_there, person.authorize(application), name)), "not_known_here")


def test_nobody_is_linked_by_an_address_of_which_the_provider_says_nothing(
    company: Company, person: Person, over_there: Person, name: str
) -> None:
    company.idp.user(name, email_verified=True)
    company.there.user(f"{name}-there", email_verified=True, attributes={"department": [f"{name}@example.com"]})
    config = {
        "issuer": company.there.url,
        "client_id": company.client.client_id,
        "client_secret": company.client.secret,
    }
    # What is confirmed is the claim `email`; this one users may write themselves.
    config["attributes"] = {"email": "department"}
    company.trust("linking", link_users=True, create_users=False, config=config)
    application = company.idp.application(logins={"default": "linking"})
    answer = person.http.get(log_in_there(over_there, person.authorize(application), f"{name}-there"))
    refused(answer, "not_known_here")


def test_an_address_that_somebody_else_told_of_is_not_told_as_confirmed(
    company: Company, person: Person, name: str
) -> None:
    company.idp.user(name, email_verified=True, attributes={"department": ["boss@example.com"]})
    application = company.idp.application(claims={"email": "attribute:department"})
    claims = claims_of(company.idp, application, code_in(person.log_in(person.authorize(application), name)))
    assert (claims["email"], claims["email_verified"]) == ("boss@example.com", False)


def test_groups_and_attributes_are_mapped_at_every_login(
    idp: RunningIdp, company: Company, person: Person, over_there: Person, name: str
) -> None:
    company.there.user(name, groups=["Sellers"], attributes={"department": ["Ropes"]})
    company.trust(
        "mapping",
        pass_on=False,
        groups={"Sellers": "Sales", "Bosses": "Management"},
        custom_attributes={"team": "department"},
    )
    application = idp.application(logins={"default": "mapping"}, claims={"team": "attribute:team"}, subject="user_name")
    code = code_in(come_back(person, log_in_there(over_there, person.authorize(application), name)))
    claims = claims_of(idp, application, code)
    assert claims["groups"] == ["Sales"]
    assert claims["team"] == "Ropes"
    assert "department" not in claims
    [user] = [one for one in idp.users() if one["user_name"] == claims["sub"]]
    assert user["attributes"] == {"team": ["Ropes"]}
    company.there.user(name, groups=["Bosses"])
    code = code_in(come_back(person, log_in_there(over_there, person.authorize(application, prompt="login"), name)))
    assert claims_of(idp, application, code)["groups"] == ["Management"]


def test_a_group_of_the_company_makes_no_administrator_here(
    idp: RunningIdp, company: Company, person: Person, over_there: Person, name: str
) -> None:
    company.there.user(name, groups=["Identity Administrators"])
    application = idp.application(logins={"default": "company"})
    code = code_in(come_back(person, log_in_there(over_there, person.authorize(application), name)))
    assert claims_of(idp, application, code)["groups"] == ["Identity Administrators"]
    assert person.http.get("/profile").status_code == 200
    assert person.http.get("/admin/users").status_code == 403


def test_a_company_may_vouch_for_its_own_addresses_alone(
    idp: RunningIdp, company: Company, person: Person, over_there: Person, name: str
) -> None:
    company.trust("narrow", email_domains=["company.example"])
    application = idp.application(logins={"default": "narrow"})
    company.there.user(name)
    refused(person.http.get(log_in_there(over_there, person.authorize(application), name)), "not_known_here")
    company.there.user(name, email=f"{name}@company.example")
    assert (
        "code=" in come_back(person, log_in_there(over_there, person.authorize(application), name)).headers["location"]
    )


def test_a_second_factor_is_asked_for_here_besides(
    idp: RunningIdp, company: Company, person: Person, over_there: Person, name: str
) -> None:
    company.there.user(name)
    application = idp.application(logins={"default": "company"}, factor_rules=[{"second_factor": "required"}])
    page = come_back(person, log_in_there(over_there, person.authorize(application), name))
    assert "Set up a second factor" in page.text


def test_rules_decide_by_address_of_mail_by_group_and_by_network(
    idp: RunningIdp, company: Company, person: Person, name: str
) -> None:
    idp.user(name, groups=["Contractors"])
    rules = [
        {"provider": "company", "email_domains": ["company.example"]},
        {"provider": "company", "groups": ["Contractors"]},
    ]
    application = idp.application(logins={"rules": rules})
    page = person.authorize(application)
    assert 'action="/login/name"' in page.text
    assert person.send(page, "/login/name", username=" ").status_code == 400
    for user, is_company in (
        ("anybody@company.example", True),
        (name, True),
        ("other@example.com", False),
        ("nobody", False),
    ):
        answer = person.send(person.authorize(application), "/login/name", username=user)
        if is_company:
            assert answer.headers["location"].startswith(company.there.url)
        else:
            assert f'value="{user}"' in answer.text
            assert 'name="password"' in answer.text
    # A hint says it as well, and whoever gives a password is looked at once more.
    assert (
        person.authorize(application, login_hint="a@company.example").headers["location"].startswith(company.there.url)
    )
    page = person.authorize(application, login_hint="other@example.com")
    assert person.log_in(page, name).headers["location"].startswith(company.there.url)
    networks = [{"provider": "company", "networks": ["127.0.0.0/8", "::1"]}]
    near = idp.application(logins={"rules": networks})
    assert person.authorize(near).headers["location"].startswith(company.there.url)
    # Of a proxy that nobody trusts, the address is no one's.
    person.http.headers["x-forwarded-for"] = "127.0.0.1"
    assert 'name="password"' in person.authorize(near).text
    del person.http.headers["x-forwarded-for"]
    far = idp.application(logins={"rules": [{"provider": "company", "networks": ["10.0.0.0/8"]}]})
    assert 'name="password"' in person.authorize(far).text


def test_a_user_for_whom_another_provider_is_responsible_is_not_let_in(
    idp: RunningIdp, company: Company, person: Person, over_there: Person, name: str
) -> None:
    company.there.user(name)
    rules = [{"provider": "company", "email_domains": ["company.example"]}]
    application = idp.application(logins={"rules": rules, "on_request": []})
    departure = person.authorize(application, login_hint="a@company.example")
    refused(person.http.get(log_in_there(over_there, departure, name)), "login_refused")


def test_nobody_asks_a_way_round_the_rules(idp: RunningIdp, company: Company, person: Person, name: str) -> None:
    company.trust("second")
    idp.user(name, email=f"{name}@company.example", email_verified=True)
    # The application's own company is meant, whatever a browser asks for.
    only = idp.application(logins={"default": "company"}, grant_types=["authorization_code", "password"])
    for asked in ("second", "entryway", "nobody"):
        departure = parse_qs(urlsplit(person.authorize(only, idp=asked).headers["location"]).query)
        assert departure["redirect_uri"] == [f"{idp.url}/login/callback/company"]
    rules = [{"provider": "company", "email_domains": ["company.example"]}]
    ruled = idp.application(logins={"rules": rules}, grant_types=["authorization_code", "password"])
    page = person.send(person.authorize(ruled, idp="entryway"), "/login/name", username="other@example.com")
    assert "Log in with Second" not in page.text
    assert person.log_in(page, name).headers["location"].startswith(company.there.url)
    # Nor does a client with a password.
    near = [{"provider": "company", "networks": ["10.0.0.0/8"]}]
    networks = idp.application(logins={"rules": near}, grant_types=["password"])
    for application, is_good in (
        (only, False),
        (ruled, False),
        (networks, False),
        (idp.application(grant_types=["password"]), True),
    ):
        answer = idp.token(application, grant_type="password", username=name, password=PASSWORD)
        assert (answer.status_code == 200) is is_good, answer.text
    chosen = idp.application(logins={"default": "company", "on_request": ["second"]})
    departure = parse_qs(urlsplit(person.authorize(chosen, idp="second").headers["location"]).query)
    assert departure["redirect_uri"] == [f"{idp.url}/login/callback/second"]


def test_the_rules_of_all_applications(idp: RunningIdp, company: Company, person: Person) -> None:
    idp.set("logins", default="company")
    try:
        assert person.authorize(idp.application()).headers["location"].startswith(company.there.url)
        # Our own pages stay open for whom we know.
        assert 'name="password"' in person.http.get("/login").text
    finally:
        idp.set("logins")


def test_a_chain_hands_the_rest_on(idp: RunningIdp, company: Company, person: Person) -> None:
    application = idp.application()
    departure = person.authorize(application, idp="company,their-own,further")
    assert departure.headers["location"].startswith(company.there.url)
    assert parse_qs(urlsplit(departure.headers["location"]).query)["idp"] == ["their-own,further"]
    for unknown in ("nobody", "entryway,company", "", "x" * 5000, "<script>"):
        assert 'name="password"' in person.authorize(application, idp=unknown).text
    shut = idp.application(logins={"on_request": []})
    page = person.authorize(shut, idp="company")
    assert 'name="password"' in page.text
    assert "Log in with Company" not in page.text


def test_the_login_page_offers_providers(
    idp: RunningIdp, company: Company, person: Person, over_there: Person, name: str
) -> None:
    company.there.user(name)
    page = person.authorize(idp.application())
    assert "Log in with Company" in page.text
    fields = re.search(r'<form method="post" action="/login/provider">.*?</form>', page.text, re.DOTALL)
    assert fields is not None
    stolen = person.http.post("/login/provider", data={"provider": "company"})
    assert stolen.status_code in {400, 403}
    refused(person.send(page, "/login/provider", provider="nobody"), "login_over", 400)
    departure = person.send(page, "/login/provider", provider="company")
    assert "code=" in come_back(person, log_in_there(over_there, departure, name)).headers["location"]


def test_a_forced_login_is_forced_over_there_too(
    company: Company, application: RegisteredApplication, person: Person, over_there: Person, name: str
) -> None:
    idp = company.idp
    company.there.user(name)
    come_back(person, log_in_there(over_there, person.authorize(application), name))
    idp.clock.advance(minutes=5)
    departure = person.authorize(application, prompt="login")
    assert parse_qs(urlsplit(departure.headers["location"]).query)["prompt"] == ["login"]
    ignoring = departure.headers["location"].replace("prompt=login", "prompt=")
    address = over_there.http.get(ignoring).headers["location"]
    refused(person.http.get(address), "login_refused")
    departure = person.authorize(application, prompt="login")
    assert "code=" in come_back(person, log_in_there(over_there, departure, name)).headers["location"]


def test_a_logout_goes_on_to_the_company_and_back(
    company: Company, application: RegisteredApplication, person: Person, over_there: Person, name: str
) -> None:
    idp = company.idp
    company.there.user(name)
    code = code_in(come_back(person, log_in_there(over_there, person.authorize(application), name)))
    id_token = idp.redeem(application, code).json()["id_token"]
    query = {"id_token_hint": id_token, "post_logout_redirect_uri": GOODBYE, "state": "s"}
    departure = person.http.get("/oauth2/logout", params=query)
    assert departure.headers["location"].startswith(f"{company.there.url}/oauth2/logout")
    # Whatever becomes of it over there: here it is over.
    assert person.authorize(application, prompt="none").headers["location"].count("login_required") == 1
    back = over_there.http.get(departure.headers["location"])
    assert back.headers["location"].startswith(f"{idp.url}/logout/callback/company")
    for bad in ("/logout/callback/company", "/logout/callback/company?state=x", "/logout/callback/nobody?state=x"):
        assert person.http.get(bad).status_code in {400, 404}
    last = person.http.get(back.headers["location"])
    assert last.headers["location"] == f"{GOODBYE}?state=s"
    assert 'name="password"' in over_there.authorize(company.client, redirect_uri=f"{idp.url}/login/callback/x").text
    assert person.http.get(back.headers["location"]).status_code == 400


def test_a_provider_that_is_switched_off_lets_nobody_in(
    idp: RunningIdp, company: Company, person: Person, over_there: Person, name: str
) -> None:
    company.there.user(name)
    company.trust("closing")
    application = idp.application(logins={"default": "closing"})
    address = log_in_there(over_there, person.authorize(application), name)
    company.trust("closing", active=False)
    refused(person.http.get(address), "identity_provider_disabled")
    refused(person.authorize(application), "identity_provider_disabled")
    company.trust("closing")
    code = code_in(come_back(person, log_in_there(over_there, person.authorize(application), name)))
    refresh_token = idp.redeem(application, code).json()["refresh_token"]
    company.trust("closing", active=False)
    refused(person.authorize(application), "identity_provider_disabled")
    assert idp.token(application, grant_type="refresh_token", refresh_token=refresh_token).status_code == 400
    assert idp.admin("DELETE", "/providers/closing").status_code == 204
    refused(person.authorize(application), "identity_provider_disabled")
    users = idp.users()
    assert not [one for one in users if one["email"] == f"{name}@example.com"]
    assert person.http.get("/profile").status_code == 200  # the login page
    assert 'name="password"' in person.http.get("/profile").text


def test_nobody_of_a_company_gets_a_password_by_mail(
    company: Company, application: RegisteredApplication, person: Person, over_there: Person, name: str
) -> None:
    idp = company.idp
    company.there.user(name)
    come_back(person, log_in_there(over_there, person.authorize(application), name))
    page = person.http.get("/password/forgotten")
    assert person.send(page, "/password/forgotten", username=f"{name}@example.com").status_code == 200
    idp.user(f"{name}-here", email=f"{name}-here@example.com")
    person.send(page, "/password/forgotten", username=f"{name}-here")
    idp.mail_to(f"{name}-here@example.com")
    assert not [mail for mail in idp.mails() if mail["to"] == f"{name}@example.com"]


def test_settings_that_break_a_rule_are_not_stored(idp: RunningIdp, company: Company) -> None:
    good = {
        "type": "oidc1.0",
        "name": "X",
        "config": {"issuer": "https://x.example", "client_id": "a", "client_secret": "b"},
    }
    for alias, changes in (
        ("entryway", {}),
        ("with space", {}),
        ("x" * 37, {}),
        ("x", {"type": "ldap"}),
        ("x", {"name": ""}),
        ("x", {"config": {}}),
        ("x", {"config": {**good["config"], "issuer": "http://x.example"}}),
        ("x", {"config": {"issuer": "https://x.example", "client_id": "a"}}),
        ("x", {"type": "saml2.0", "config": {"metadata": "<x/>"}}),
        ("x", {"email_domains": ["no domain"]}),
        ("x", {"custom_attributes": {"a b": "c"}}),
        ("x", {"unknown": True}),
    ):
        answer = idp.admin("PUT", f"/providers/{alias}", {**good, **changes})
        assert answer.status_code == 400, (alias, changes, answer.text)
    assert idp.admin("GET", "/providers/x").status_code == 404
    assert idp.admin("DELETE", "/providers/x").status_code == 404
    told = idp.admin("GET", "/providers/company")
    assert company.client.secret not in told.text
    assert told.json()["config"]["client_id"] == company.client.client_id
    for rules in ({"default": "a b"}, {"rules": [{"provider": "x", "networks": ["300.0.0.0"]}]}, {"rules": [{}]}):
        assert idp.admin("PUT", "/settings/logins", rules).status_code == 400
    listed = idp.admin("GET", "/providers").json()["providers"]
    assert "company" in [one["alias"] for one in listed]


def test_administrators_change_providers_on_a_page(
    idp: RunningIdp, company: Company, person: Person, name: str
) -> None:
    idp.user(name, groups=["Identity Administrators"])
    person.log_in(person.http.get("/login"), name)
    page = person.http.get("/admin/providers")
    assert "company" in page.text
    bad = person.send(page, "/admin/providers", alias="page", settings="{")
    assert bad.status_code == 400
    settings = (
        '{"type": "oidc1.0", "name": "Page", '
        '"config": {"issuer": "https://x.example", "client_id": "a", "client_secret": "very-secret"}}'
    )
    made = person.send(page, "/admin/providers", alias="page", settings=settings)
    assert made.headers["location"] == "/admin/providers/page"
    assert person.send(page, "/admin/providers", alias="page", settings=settings).status_code == 400
    shown = person.http.get("/admin/providers/page")
    assert "very-secret" not in shown.text
    changed = settings.replace("Page", "Changed").replace(', "client_secret": "very-secret"', "")
    assert person.send(shown, "/admin/providers/page", settings=changed).status_code == 303
    assert idp.admin("GET", "/providers/page").json()["name"] == "Changed"
    assert person.send(page, "/admin/providers/logins", rules='{"default": "a b"}').status_code == 400
    assert person.send(page, "/admin/providers/logins", rules="{}").status_code == 303
    assert person.send(shown, "/admin/providers/page/deletion").status_code == 303
    assert idp.admin("GET", "/providers/page").status_code == 404
    stranger = idp.person()
    assert stranger.http.get("/admin/providers").text.count('name="password"') == 1
    stranger.http.close()


def test_a_logout_at_the_company_ends_the_login_here(
    company: Company, application: RegisteredApplication, person: Person, over_there: Person, name: str
) -> None:
    company.there.user(name)
    code_in(come_back(person, log_in_there(over_there, person.authorize(application), name)))
    bystander, their_browser = company.idp.person(), company.there.person()
    company.there.user(f"{name}-2")
    code_in(come_back(bystander, log_in_there(their_browser, bystander.authorize(application), f"{name}-2")))

    page = over_there.http.get("/oauth2/logout")
    over_there.send(page, "/oauth2/logout")

    deadline = time.monotonic() + 10
    while "code=" in (departure := person.authorize(application)).headers.get("location", ""):
        assert time.monotonic() < deadline, "the login here has not ended"
        time.sleep(0.02)
    assert departure.headers["location"].startswith(company.there.url)
    code_in(bystander.authorize(application))
    for someone in (bystander, their_browser):
        someone.http.close()


@pytest.mark.parametrize("form", [{}, {"logout_token": "nonsense"}, {"logout_token": "e30.e30.e30"}])
def test_what_is_no_logout_token_ends_nothing(company: Company, person: Person, form: dict[str, str]) -> None:
    del company
    answer = person.http.post("/logout/backchannel/company", data=form)
    refused(answer, "logout_token_refused", 400)
    assert answer.json()["error"] == "logout_token_refused"
