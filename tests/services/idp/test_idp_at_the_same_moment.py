"""What several requests do at one moment is done once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from entryway.testing.idp import ADMIN_SECRET, PASSWORD, Person, RunningIdp, code_in, hidden_fields

AT_ONCE = 12


def at_once(work):
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(work, range(AT_ONCE)))


def test_guesses_at_one_moment_are_all_counted(idp: RunningIdp, name: str) -> None:
    idp.user(name)
    people = [idp.person() for _ in range(AT_ONCE)]
    application = idp.application()
    pages = [person.authorize(application) for person in people]
    at_once(lambda number: people[number].log_in(pages[number], name, "wrong"))
    page = people[0].authorize(application)
    assert people[0].log_in(page, name).status_code == 401
    for person in people:
        person.http.close()


def test_a_code_is_redeemed_once(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    application = idp.application()
    code = code_in(person.log_in(person.authorize(application), name))
    statuses = sorted(answer.status_code for answer in at_once(lambda _: idp.redeem(application, code)))
    assert statuses.count(200) <= 1
    assert set(statuses) <= {200, 400}


def test_an_attempt_leads_to_one_code(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    page = person.authorize(idp.application())
    fields = hidden_fields(page, "/login") | {"username": name, "password": PASSWORD}
    answers = at_once(lambda _: person.http.post("/login", data=fields))
    assert sum(answer.status_code == 302 for answer in answers) == 1
    assert {answer.status_code for answer in answers} <= {302, 400}


def test_a_name_is_given_once_and_a_binding_has_one_secret(idp: RunningIdp, name: str) -> None:
    application = idp.application()

    def create(number: int) -> int:
        # Half of them want the name, half of them want it as their address.
        local = name if number % 2 else f"{name}-{number}"
        body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": f"{local}@example.com"}
        if not number % 2:
            body["emails"] = [{"value": f"{name}@example.com"}]
        headers = {"content-type": "application/scim+json"}
        auth = ("entryway-admin", ADMIN_SECRET)
        return idp.http.post("/scim/Users", json=body, headers=headers, auth=auth).status_code

    statuses = at_once(create)
    assert statuses.count(201) == 1
    assert set(statuses) == {201, 409}
    path = f"/applications/{application.id}/bindings/new"
    assert len({idp.admin("PUT", path).json()["clientsecret"] for _ in range(2)}) == 1
    assert len(set(at_once(lambda _: idp.admin("PUT", f"{path}-2").json()["clientsecret"]))) == 1
