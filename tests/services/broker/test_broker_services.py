"""The broker creates what platforms ask for, at the real authorization server and the real destination service."""

import json
from dataclasses import replace

import httpx
import pytest
from broker_platform import BINDING, INSTANCE, OTHER_INSTANCE, SECRET, Platform

from entryway.broker.build import build
from entryway.clients.access import PlatformRefused
from entryway.clients.destinations import DestinationsClient
from entryway.clients.http import new_http
from entryway.clients.platform import PlatformClient
from entryway.clients.tokens import TokenClient
from entryway.config.bindings import ConnectivityCredentials, DestinationCredentials, UaaCredentials, service_binding
from entryway.security import TokenValidator, parse_credentials
from entryway.testing.databases import contents, execute
from entryway.testing.serving import served

pytestmark = pytest.mark.once_on_postgresql

LETTERS = "'a'-'z', 'A'-'Z', '0'-'9', '_', '-', '\\', and '/'."
XS_SECURITY = {
    "xsappname": "products",
    "scopes": [{"name": "$XSAPPNAME.Display"}, {"name": "$XSAPPNAME.Edit"}],
    "role-templates": [{"name": "Viewer", "scope-references": ["$XSAPPNAME.Display"]}],
    "role-collections": [{"name": "Viewers", "role-template-references": ["$XSAPPNAME.Viewer"]}],
}
ERP = {
    "Name": "erp",
    "Type": "HTTP",
    "URL": "http://erp:44300",
    "ProxyType": "OnPremise",
    "Authentication": "PrincipalPropagation",
}


def initial(level: str = "instance", policy: str | None = None, *destinations: dict) -> dict:
    content: dict = {"destinations": list(destinations or [ERP])}
    if policy is not None:
        content["existing_destinations_policy"] = policy
    return {"init_data": {level: content}}


class TestXsuaa:
    def test_an_application_gets_a_client(self, plane: Platform):
        assert plane.provision("xsuaa", XS_SECURITY).status_code == 201
        answer = plane.bind("xsuaa")
        assert answer.status_code == 201
        credentials = answer.json()["credentials"]
        assert credentials["clientid"] == "sb-products!t1"
        assert credentials["xsappname"] == "products!t1"
        assert all(isinstance(value, str) for value in credentials.values())

        token = plane.token(credentials).json()["access_token"]

        context = plane.services.tls
        validator = TokenValidator(parse_credentials(credentials), tls=context)
        assert validator.validate(token).get_clientid() == "sb-products!t1"
        binding = service_binding("xsuaa", "application", "uaa", credentials)
        assert binding.parse(UaaCredentials).zone_id == credentials["zoneid"]

    def test_the_same_again_changes_nothing(self, plane):
        plane.provision("xsuaa", XS_SECURITY)
        assert plane.provision("xsuaa", XS_SECURITY).status_code == 200
        first, second = plane.bind("xsuaa"), plane.bind("xsuaa")
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json() == second.json()

    def test_something_else_under_the_same_id_is_a_conflict(self, plane):
        plane.provision("xsuaa", XS_SECURITY)
        assert plane.provision("xsuaa", XS_SECURITY | {"description": "more"}).status_code == 409
        assert plane.provision("connectivity").status_code == 409
        plane.bind("xsuaa")
        assert plane.bind("xsuaa", parameters={"hide-secret": "true"}).status_code == 409

    def test_every_binding_has_its_own_secret_and_it_ends_with_it(self, plane):
        plane.provision("xsuaa", XS_SECURITY)
        first = plane.bind("xsuaa", "binding-1").json()["credentials"]
        second = plane.bind("xsuaa", "binding-2").json()["credentials"]
        assert first["clientsecret"] != second["clientsecret"]

        assert plane.unbind("xsuaa", "binding-1").status_code == 200

        assert plane.token(first).status_code == 401
        assert plane.token(second).status_code == 200
        assert plane.unbind("xsuaa", "binding-1").status_code == 410

    def test_a_descriptor_that_is_wrong_is_refused_with_the_reason(self, plane):
        answer = plane.provision("xsuaa", {"xsappname": "what is this?"})
        assert answer.status_code == 400
        assert answer.json()["error"] == "BadRequest"
        assert "xsappname" in answer.json()["description"]
        assert plane.send("GET", f"/v2/service_instances/{INSTANCE}").status_code == 404

    @pytest.mark.parametrize(
        ("parameters", "reason"),
        [
            (
                {"xsappname": "a b"},
                'Invalid xsappname "a b": May only include characters ' + LETTERS,
            ),
            ({"xsappname": None}, "Invalid xsappname: Must not be <null>."),
            (
                {"xsappname": "a", "oauth2-configuration": {"redirect-uris": ["https://a.*/"]}},
                "/oauth2-configuration/redirect-uris/0: 'https://a.*/' would send users to any host",
            ),
            (
                {"xsappname": "a", "oauth2-configuration": {"redirect-uris": ["nowhere"]}},
                "Client registration contains invalid redirect_uri: [nowhere]",
            ),
            ({"xsappname": "a", "role-collections": [{"name": "a\0b", "role-template-references": []}]}, "NUL"),
            ({"xsappname": "a", "oauth2-configuration": {"system-attributes": [{}]}}, "must be one of"),
            ({"xsappname": "a", "oauth2-configuration": {"credential-types": []}}, "names no type"),
        ],
    )
    def test_what_is_wrong_is_told_in_the_words_that_are_known(self, plane, parameters, reason):
        answer = plane.provision("xsuaa", parameters)
        assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")
        prefix = "Error parsing xs-security.json data: Inconsistent xs-security.json: "
        assert answer.json()["description"].startswith(prefix)
        assert reason in answer.json()["description"]
        if reason.startswith(("Invalid", "Client")):
            assert answer.json()["description"] == prefix + reason

    @pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
    def test_numbers_that_json_does_not_have(self, plane, number):
        content = json.dumps(plane.ids("xsuaa"))[:-1] + f', "parameters": {{"legacy": {number}}}}}'
        answer = plane.send("PUT", f"/v2/service_instances/{INSTANCE}", content=content)
        assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")

    def test_what_was_ignored_is_told_with_the_end_of_the_operation(self, plane):
        plane.provision("xsuaa", XS_SECURITY | {"legacy": 1})
        told = plane.send("GET", f"/v2/service_instances/{INSTANCE}/last_operation").json()
        assert told == {"state": "succeeded", "description": "xs-security.json#/legacy: unknown key, ignored"}

    def test_without_a_name_it_gets_one(self, plane):
        assert plane.provision("xsuaa", {}).status_code == 201
        assert plane.bind("xsuaa").json()["credentials"]["xsappname"].startswith(f"na-{INSTANCE}!t")

    def test_the_descriptor_can_be_changed(self, plane):
        plane.provision("xsuaa", XS_SECURITY)
        more = XS_SECURITY | {"scopes": [*XS_SECURITY["scopes"], {"name": "$XSAPPNAME.Delete"}]}
        body = plane.ids("xsuaa") | {"parameters": more}
        path = f"/v2/service_instances/{INSTANCE}"
        assert plane.send("PATCH", path, json=body).status_code == 200
        assert plane.send("GET", path).json()["parameters"] == more
        wrong = plane.ids("xsuaa") | {"parameters": XS_SECURITY | {"xsappname": "other"}}
        assert plane.send("PATCH", path, json=wrong).status_code == 400
        assert plane.send("GET", path).json()["parameters"] == more

    def test_a_secret_can_stay_hidden(self, plane):
        plane.provision("xsuaa", XS_SECURITY)
        answer = plane.bind("xsuaa", parameters={"hide-secret": "true"})
        assert "clientsecret" not in answer.json()["credentials"]

    @pytest.mark.parametrize(
        "parameters", [{"credential-type": "x509"}, {"xsuaa": {"credential-type": "x509"}}, {"xsuaa": 5}, {"what": 1}]
    )
    def test_bindings_that_cannot_be_given(self, plane, parameters):
        plane.provision("xsuaa", XS_SECURITY)
        assert plane.bind("xsuaa", parameters=parameters).status_code == 400

    def test_an_instance_that_is_deleted_takes_its_secrets_along(self, plane):
        plane.provision("xsuaa", XS_SECURITY)
        credentials = plane.bind("xsuaa").json()["credentials"]
        assert plane.deprovision("xsuaa").status_code == 200
        assert plane.token(credentials).status_code == 401
        assert plane.deprovision("xsuaa").status_code == 410
        assert plane.provision("xsuaa", XS_SECURITY).status_code == 201
        assert plane.bind("xsuaa").status_code == 201


class TestXsuaaPlans:
    @pytest.fixture
    def of(self, plane: Platform):
        """Requests about an instance of one plan, deleted at the end."""
        made: list[tuple[str, dict]] = []

        def provision(plan: str, parameters: dict | None = None, instance_id: str = INSTANCE, name: str = "the-uaa"):
            (service,) = [one for one in plane.send("GET", "/v2/catalog").json()["services"] if one["name"] == "xsuaa"]
            (plan_id,) = [one["id"] for one in service["plans"] if one["name"] == plan]
            ids = {"service_id": service["id"], "plan_id": plan_id}
            body = ids | {"parameters": parameters or {}, "context": {"instance_name": name}}
            answer = plane.send("PUT", f"/v2/service_instances/{instance_id}", json=body)
            made.append((instance_id, ids))
            return answer, ids

        yield provision
        for instance_id, ids in reversed(made):
            plane.send("DELETE", f"/v2/service_instances/{instance_id}", params=ids)

    def bind(self, plane: Platform, ids: dict, parameters: dict | None = None, instance_id: str = INSTANCE) -> dict:
        path = f"/v2/service_instances/{instance_id}/service_bindings/{BINDING}"
        answer = plane.send("PUT", path, json=ids | {"parameters": parameters or {}})
        assert answer.status_code == 201, answer.text
        assert plane.send("GET", path).json()["credentials"] == answer.json()["credentials"]
        return answer.json()["credentials"]

    def test_a_service_of_ones_own(self, plane, of):
        answer, ids = of("broker", {"xsappname": "my-service"})
        assert answer.status_code == 201
        credentials = self.bind(plane, ids)
        assert credentials["xsappname"] == "my-service!b1"
        assert credentials["trustedclientidsuffix"] == "|my-service!b1"

    def test_access_to_the_interfaces_for_administration(self, plane, of):
        answer, ids = of("apiaccess")
        assert answer.status_code == 201
        credentials = self.bind(plane, ids)
        assert credentials["clientid"] == f"sb-na-{INSTANCE}!a1"
        assert "xs_user.read" in plane.token(credentials).json()["scope"]

    def test_access_takes_no_parameters(self, of):
        answer, _ = of("apiaccess", {"xsappname": "x"})
        assert answer.status_code == 400

    def test_a_binding_with_a_certificate(self, plane, of):
        descriptor = XS_SECURITY | {"oauth2-configuration": {"credential-types": ["x509"]}}
        _, ids = of("application", descriptor)
        credentials = self.bind(plane, ids, {"credential-type": "x509", "x509": {"validity": 2}})
        assert credentials["certificate"].startswith("-----BEGIN CERTIFICATE-----")
        assert credentials["key"].startswith("-----BEGIN RSA PRIVATE KEY-----")
        assert all(isinstance(value, str) for value in credentials.values())

    def test_descriptors_may_name_instances_by_the_names_they_have_now(self, plane, of):
        _, ids = of("application", {"xsappname": "caller", "authorities": ["$ACCEPT_GRANTED_AUTHORITIES"]}, name="one")
        credentials = self.bind(plane, ids)
        scope = {"name": "$XSAPPNAME.Call", "grant-as-authority-to-apps": ["$XSSERVICENAME(two)"]}
        of("application", {"xsappname": "callee", "scopes": [scope]}, instance_id=OTHER_INSTANCE, name="callee")
        assert "callee!t1.Call" not in plane.token(credentials).json()["scope"]
        renamed = ids | {"context": {"instance_name": "two"}}
        assert plane.send("PATCH", f"/v2/service_instances/{INSTANCE}", json=renamed).status_code == 200
        assert "callee!t1.Call" in plane.token(credentials).json()["scope"]


class TestDestination:
    def test_an_instance_is_a_client_of_the_destination_service(self, plane):
        assert plane.provision("destination").status_code == 201
        credentials = plane.bind("destination").json()["credentials"]
        assert credentials["clientid"] == f"sb-clone-{INSTANCE}!b1|destination-xsappname!b1"
        assert credentials["instanceid"] == INSTANCE
        assert credentials["uri"] == plane.services.destination_url
        assert service_binding("destination", "lite", "d", credentials).parse(DestinationCredentials)
        assert plane.destinations(credentials, "instanceDestinations").json() == []

    def test_it_starts_with_the_destinations_that_were_asked_for(self, plane):
        parameters = {
            "HTML5Runtime_enabled": True,
            "init_data": {
                "instance": {"destinations": [ERP]},
                "subaccount": {"destinations": [ERP | {"Name": "shared"}]},
            },
        }
        assert plane.provision("destination", parameters).status_code == 201
        credentials = plane.bind("destination").json()["credentials"]
        found = plane.destinations(credentials, "destinations/erp").json()
        assert found["destinationConfiguration"] == ERP
        assert found["owner"]["InstanceId"] == INSTANCE
        assert plane.destinations(credentials, "destinations/shared").json()["owner"]["InstanceId"] is None

    @pytest.mark.parametrize(
        ("policy", "status", "url"),
        [
            (None, 400, "http://old"),
            ("fail", 400, "http://old"),
            ("ignore", 201, "http://old"),
            ("update", 201, "http://new"),
        ],
    )
    def test_destinations_that_exist_already(self, plane, policy, status, url):
        other = OTHER_INSTANCE
        plane.provision("destination", initial("subaccount", None, ERP | {"URL": "http://old"}), other)
        answer = plane.provision("destination", initial("subaccount", policy, ERP | {"URL": "http://new"}))
        assert answer.status_code == status
        credentials = plane.bind("destination", instance_id=other).json()["credentials"]
        found = plane.destinations(credentials, "subaccountDestinations/erp").json()
        assert found["URL"] == url

    def test_if_one_fails_nothing_is_left(self, plane):
        answer = plane.provision("destination", initial("instance", None, ERP, {"Name": "bad", "Type": "NONE"}))
        assert answer.status_code == 400
        assert "bad" in answer.json()["description"]
        assert plane.provision("destination").status_code == 201
        credentials = plane.bind("destination").json()["credentials"]
        assert plane.destinations(credentials, "instanceDestinations").json() == []

    @pytest.mark.parametrize(
        "parameters",
        [
            {"init_data": []},
            {"init_data": {"tenant": {}}},
            {"init_data": {"instance": []}},
            {"init_data": {"instance": {"destinations": {}}}},
            {"init_data": {"instance": {"destinations": [5]}}},
            {"init_data": {"instance": {"destinations": [], "existing_destinations_policy": "perhaps"}}},
            {"init_data": {"instance": {"certificates": [{}]}}},
            {"subscriber_access": {}},
        ],
    )
    def test_parameters_that_cannot_be_understood(self, plane, parameters):
        assert plane.provision("destination", parameters).status_code == 400

    def test_the_destinations_of_an_instance_go_with_it(self, plane):
        plane.provision("destination", initial())
        assert plane.deprovision("destination").status_code == 200
        assert execute(plane.services.database("destinations"), "select count(*) from destination") == [(0,)]

    def test_more_destinations_come_with_an_update(self, plane):
        plane.provision("destination", initial())
        parameters = initial("instance", "update", ERP, ERP | {"Name": "crm"})
        body = plane.ids("destination") | {"parameters": parameters}
        assert plane.send("PATCH", f"/v2/service_instances/{INSTANCE}", json=body).status_code == 200
        credentials = plane.bind("destination").json()["credentials"]
        names = plane.destinations(credentials, "instanceDestinations?$select=Name").json()
        assert names == [{"Name": "crm"}, {"Name": "erp"}]

    def test_passwords_are_not_told_again(self, plane):
        plane.provision("destination", initial("instance", None, ERP | {"Password": "s3cret"}))
        assert "s3cret" not in plane.send("GET", f"/v2/service_instances/{INSTANCE}").text


class TestConnectivity:
    def test_an_instance_may_use_the_proxy(self, plane):
        assert plane.provision("connectivity").status_code == 201
        credentials = plane.bind("connectivity").json()["credentials"]
        assert credentials["clientid"] == f"sb-clone-{INSTANCE}!b1|connectivity!b1"
        assert credentials["onpremise_proxy_port"] == credentials["onpremise_proxy_http_port"] == "20003"
        assert credentials["url"] == credentials["token_service_url"] == plane.services.uaa_url
        parsed = service_binding("connectivity", "lite", "c", credentials).parse(ConnectivityCredentials)
        assert parsed.proxy == ("proxy.example.com", 20003)
        assert plane.token(credentials).status_code == 200

    def test_it_has_no_parameters(self, plane):
        assert plane.provision("connectivity", {"x": 1}).status_code == 400


def test_a_binding_keeps_its_secret_when_addresses_change(plane):
    plane.provision("connectivity")
    before = plane.bind("connectivity").json()["credentials"]
    moved = replace(plane.services.broker_settings, onpremise_proxy_port=20013)
    context = plane.services.tls
    with (
        served(lambda url: build(replace(moved, public_url=url)), plane.services.authority) as url,
        httpx.Client(verify=context, trust_env=False) as http,
    ):
        answer = replace(plane, broker_url=url, http=http).bind("connectivity")
    assert answer.status_code == 200
    after = answer.json()["credentials"]
    assert after == before | {"onpremise_proxy_port": "20013", "onpremise_proxy_http_port": "20013"}


class TestInterface:
    def test_the_catalog(self, plane):
        services = plane.send("GET", "/v2/catalog").json()["services"]
        assert {service["name"]: service["tags"] for service in services} == {
            "xsuaa": ["xsuaa"],
            "destination": ["destination", "conn", "connsvc"],
            "connectivity": ["connectivity", "conn", "connsvc"],
            "identity": ["identity"],
        }
        ids = [service["id"] for service in services] + [
            plan["id"] for service in services for plan in service["plans"]
        ]
        assert len(set(ids)) == len(ids) == 10
        plans = {service["name"]: [plan["name"] for plan in service["plans"]] for service in services}
        assert plans["xsuaa"] == ["application", "broker", "apiaccess"]

    @pytest.mark.parametrize(
        "auth", [("entryway-platform", "wrong"), ("other", SECRET), ("entryway-platform", ""), ("", SECRET)]
    )
    def test_somebody_else(self, plane, auth):
        answer = plane.send("GET", "/v2/catalog", auth=auth)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")

    @pytest.mark.parametrize("value", ["", "Basic", "Basic %%%", "Bearer x", "Basic ZW50cnl3YXk="])
    def test_no_authentication_at_all(self, plane, value):
        headers = {"x-broker-api-version": "2.17"} | ({"authorization": value} if value else {})
        assert plane.http.get(f"{plane.broker_url}/v2/catalog", headers=headers).status_code == 401

    def test_versions(self, plane):
        auth = ("entryway-platform", SECRET)
        assert plane.http.get(f"{plane.broker_url}/v2/catalog", auth=auth).status_code == 400
        for version in ("1.0", "3.0", "2", "2.x", ""):
            assert plane.send("GET", "/v2/catalog", headers={"x-broker-api-version": version}).status_code == 412
        assert plane.send("GET", "/v2/catalog", headers={"x-broker-api-version": "2.13"}).status_code == 200

    def test_the_request_is_named_in_the_answer(self, plane):
        header = {"x-broker-api-request-identity": "request-1"}
        assert plane.send("GET", "/v2/catalog", headers=header).headers["x-broker-api-request-identity"] == "request-1"
        missing = plane.send("GET", f"/v2/service_instances/{INSTANCE}", headers=header)
        assert (missing.status_code, missing.headers["x-broker-api-request-identity"]) == (404, "request-1")

    @pytest.mark.parametrize(
        "body", [None, [], 5, {"service_id": 5}, {"service_id": "x", "plan_id": "y"}, {"parameters": []}]
    )
    def test_bodies_that_cannot_be_understood(self, plane, body):
        answer = plane.send("PUT", f"/v2/service_instances/{INSTANCE}", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"] == "BadRequest"

    def test_a_body_that_is_no_json(self, plane):
        for content in (b"{", b"\xff", b"[" * 100_000):
            answer = plane.send("PUT", f"/v2/service_instances/{INSTANCE}", content=content)
            assert answer.status_code == 400

    @pytest.mark.parametrize("instance_id", ["a%20b", "-a", "a" * 65, "%C3%A4", "a$b"])
    def test_ids_that_are_none(self, plane, instance_id):
        body = plane.ids("connectivity")
        assert plane.send("PUT", f"/v2/service_instances/{instance_id}", json=body).status_code == 400

    def test_a_binding_needs_its_instance(self, plane):
        assert plane.bind("xsuaa").status_code == 400
        plane.provision("connectivity")
        assert plane.bind("xsuaa").status_code == 400
        assert plane.deprovision("xsuaa").status_code == 400
        assert plane.send("DELETE", f"/v2/service_instances/{INSTANCE}").status_code == 400

    def test_fetching(self, plane):
        plane.provision("connectivity")
        credentials = plane.bind("connectivity").json()["credentials"]
        instance = f"/v2/service_instances/{INSTANCE}"
        binding = f"{instance}/service_bindings/{BINDING}"
        assert plane.send("GET", instance).json() == plane.ids("connectivity") | {"parameters": {}}
        assert plane.send("GET", binding).json() == {"credentials": credentials, "parameters": {}}
        assert plane.send("GET", f"{instance}/last_operation").json() == {"state": "succeeded"}
        assert plane.send("GET", f"{binding}/last_operation").json() == {"state": "succeeded"}
        assert plane.send("GET", f"{instance}/service_bindings/none").status_code == 404

    def test_nothing_that_is_secret_lies_open_in_the_databases(self, plane):
        plane.provision("destination", initial("instance", None, ERP | {"Password": "s3cret-of-erp"}))
        secret = plane.bind("destination").json()["credentials"]["clientsecret"].split("$")[1]
        for name in ("broker", "destinations", "authserver"):
            raw = contents(plane.services.database(name))
            assert raw
            for value in (secret.encode(), b"s3cret-of-erp", b"erp:44300"):
                assert value not in raw


class TestPlatformClient:
    """What the landscape and the command line use."""

    @pytest.fixture
    async def platform(self, plane):
        context = plane.services.tls
        async with new_http(context) as http:
            yield PlatformClient(http, plane.services.uaa_url, SECRET, broker_url=plane.broker_url)

    async def test_from_nothing_to_a_users_token(self, plane, platform):
        await platform.provision(INSTANCE, "xsuaa", "application", XS_SECURITY, instance_name="uaa")
        credentials = await platform.bind(INSTANCE, "xsuaa", "application", BINDING)
        await platform.put_user(
            "kim",
            password="correct horse battery",
            given_name="Kim",
            family_name="Example",
            email="kim@example.com",
            role_collections=["Viewers"],
        )

        tokens = await platform.user_token(INSTANCE, "kim")

        context = plane.services.tls
        user = await TokenValidator(parse_credentials(credentials), tls=context).validate_async(tokens.access_token)
        assert (user.get_logon_name(), user.local_scopes()) == ("kim", {"Display"})
        assert "kim" in (await platform.caller.send("GET", "/entryway/v1/users")).content.decode()
        assert "Viewers" in (await platform.caller.send("GET", "/entryway/v1/role-collections")).content.decode()

    async def test_changes_and_an_end(self, platform):
        await platform.provision(INSTANCE, "xsuaa", "application", XS_SECURITY)
        await platform.provision(INSTANCE, "xsuaa", "application", XS_SECURITY | {"description": "more"})
        await platform.bind(INSTANCE, "xsuaa", "application", BINDING)
        for _ in range(2):
            await platform.unbind(INSTANCE, "xsuaa", "application", BINDING)
        for _ in range(2):
            await platform.deprovision(INSTANCE, "xsuaa", "application")

    async def test_a_refusal_says_why(self, platform):
        with pytest.raises(PlatformRefused) as caught:
            await platform.provision(INSTANCE, "xsuaa", "application", {"xsappname": "what is this?"})
        assert "xsappname" in caught.value.description

    async def test_a_wrong_secret(self, plane, platform):
        stranger = PlatformClient(platform.http, plane.services.uaa_url, "wrong", broker_url=plane.broker_url)
        with pytest.raises(PlatformRefused):
            await stranger.provision(INSTANCE, "xsuaa", "application", XS_SECURITY)

    async def test_a_user_reaches_another_application_through_a_destination(self, plane, platform):
        """The whole way: log in at one application, find a destination, get a token that a second one accepts."""
        await platform.provision(INSTANCE, "xsuaa", "application", XS_SECURITY)
        application = await platform.bind(INSTANCE, "xsuaa", "application", BINDING)
        exchange = ERP | {
            "ProxyType": "Internet",
            "Authentication": "OAuth2UserTokenExchange",
            "clientId": application["clientid"],
            "clientSecret": application["clientsecret"],
            "tokenServiceURL": f"{application['url']}/oauth/token",
        }
        own = ERP | exchange | {"Name": "own", "Authentication": "OAuth2ClientCredentials"}
        await platform.provision(OTHER_INSTANCE, "destination", "lite", initial("instance", None, exchange, own))
        service = await platform.bind(OTHER_INSTANCE, "destination", "lite", BINDING)
        await platform.put_user(
            "kim",
            password="correct horse battery",
            given_name="Kim",
            family_name="Example",
            email="kim@example.com",
            role_collections=["Viewers"],
        )
        users = (await platform.user_token(INSTANCE, "kim")).access_token
        tokens, credentials = TokenClient(platform.http), DestinationCredentials.model_validate(service)
        destinations = DestinationsClient(platform.http, credentials.uri)
        own_token = (await tokens.client_credentials(credentials)).access_token
        exchanged = (await tokens.jwt_bearer(credentials, users)).access_token
        validator = TokenValidator(parse_credentials(application), tls=plane.services.tls)

        for found in (
            await destinations.find("erp", own_token, user_token=users),
            await destinations.find("erp", exchanged),
        ):
            [token] = found.auth_tokens
            assert token.error is None
            user = await validator.validate_async(token.value)
            assert (user.get_logon_name(), user.local_scopes()) == ("kim", {"Display"})
        [technical] = (await destinations.find("own", own_token)).auth_tokens
        assert (await validator.validate_async(technical.value)).get_logon_name() is None
        [failed] = (await destinations.find("erp", own_token)).auth_tokens
        assert failed.error is not None
