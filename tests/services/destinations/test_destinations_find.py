"""Find: what an application is told of a destination, and the tokens it gets with it."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from destination_caller import INSTANCE, OTHER_INSTANCE, clone

from entryway.testing.issuer import new_key

NOT_FOUND = {"ErrorMessage": "Configuration with the specified name was not found"}
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGES = ["OAuth2UserTokenExchange", "OAuth2JWTBearer"]


def oauth(token_service, authentication="OAuth2ClientCredentials", **more):
    return {
        "Authentication": authentication,
        "clientId": "the-client",
        "clientSecret": "the-secret",
        "tokenServiceURL": token_service.token_url,
    } | more


def only_token(answer) -> dict:
    assert answer.status_code == 200, answer.text
    tokens = answer.json()["authTokens"]
    assert len(tokens) == 1
    return tokens[0]


def failure(answer) -> str:
    token = only_token(answer)
    assert (token["type"], token["value"], token["expires_in"]) == ("", "", "0")
    assert "http_header" not in token
    return token["error"]


class TestConfiguration:
    def test_without_authentication(self, service):
        service.store("erp", Authentication="NoAuthentication", **{"sap-client": "100", "WebIDEEnabled": "true"})

        answer = service.find("erp")

        assert answer.json() == {
            "owner": {"SubaccountId": service.issuer.zone, "InstanceId": INSTANCE},
            "destinationConfiguration": {
                "Name": "erp",
                "Type": "HTTP",
                "URL": "https://erp.example.com",
                "ProxyType": "Internet",
                "Authentication": "NoAuthentication",
                "sap-client": "100",
                "WebIDEEnabled": "true",
            },
        }
        assert answer.headers["cache-control"] == "no-store"

    def test_the_instance_comes_before_the_subaccount(self, service):
        service.store("erp", "subaccount", Description="far")
        assert service.find("erp").json()["owner"]["InstanceId"] is None
        service.store("erp", "instance", Description="near")
        assert service.find("erp").json()["destinationConfiguration"]["Description"] == "near"

    def test_unknown(self, service):
        answer = service.find("nowhere")
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
        assert answer.headers["content-type"] == "application/json"

    def test_an_instance_sees_its_own_and_the_subaccounts(self, service):
        service.store("mine", "instance")
        service.store("ours", "subaccount")
        other = service.of(OTHER_INSTANCE)
        assert other.find("mine").status_code == 404
        assert other.find("ours").status_code == 200

    def test_another_tenant_sees_nothing(self, service, issuer):
        service.store("ours", "subaccount")
        zone, issuer.zone = issuer.zone, "99999999-2222-4333-8444-555555555555"
        assert service.find("ours").status_code == 404
        issuer.zone = zone
        assert service.find("ours").status_code == 200

    def test_every_value_is_a_text(self, service):
        document = {"Name": "x", "Type": "HTTP", "URL": "http://a", "HTML5.Timeout": 300, "TrustAll": True}
        assert service.send("POST", "v1/instanceDestinations", json=document).status_code == 201
        configuration = service.find("x").json()["destinationConfiguration"]
        assert (configuration["HTML5.Timeout"], configuration["TrustAll"]) == ("300", "true")

    def test_other_types_are_told_without_tokens(self, service):
        document = {
            "Name": "post",
            "Type": "MAIL",
            "mail.user": "u",
            "mail.password": "p",
            "Authentication": "BasicAuthentication",
        }
        assert service.send("POST", "v1/instanceDestinations", json=document).status_code == 201
        assert "authTokens" not in service.find("post").json()

    def test_credentials_can_be_left_out(self, service):
        service.store("erp", Authentication="BasicAuthentication", User="u", Password="p", clientSecret="s")
        configuration = service.find("erp", "?$skipCredentials=true").json()["destinationConfiguration"]
        assert configuration["User"] == "u"
        assert "Password" not in configuration
        assert "clientSecret" not in configuration

    def test_a_destination_that_is_known_already(self, service):
        service.store("erp")
        etag = service.find("erp").headers["etag"]
        assert service.find("erp", if_none_match=etag).status_code == 304
        assert service.find("erp", if_match=etag).status_code == 200
        changed = service.find("erp", if_match='"something-else"')
        assert changed.status_code == 412
        assert "ErrorMessage" in changed.json()

    def test_one_level_alone(self, service):
        service.store("erp", "subaccount")
        assert service.send("GET", "v2/destinations/erp").status_code == 404
        assert service.send("GET", "v2/destinations/erp@instance").status_code == 404
        found = service.send("GET", "v2/destinations/erp@subaccount")
        assert found.json()["destinationConfiguration"]["Name"] == "erp"
        assert "owner" not in found.json()
        assert service.send("GET", "v2/destinations/erp@elsewhere").status_code == 400
        told = service.send("GET", "v2/destinations/erp@subaccount?$includeMetadata=owner").json()
        owners = told["destinationConfiguration"]["$metadata"]["owner"]["destinations"]
        assert owners == [{"Name": "erp", "SubaccountId": service.issuer.zone, "InstanceId": None}]

    @pytest.mark.parametrize(("level", "instance_id"), [("subaccount", None), ("instance", INSTANCE)])
    def test_the_levels_of_the_provider(self, service, issuer, level, instance_id):
        def found(name: str, caller=service, **claims):
            path = f"v2/destinations/erp@{name}?$includeMetadata=owner"
            return service.send("GET", path, token=caller.token(**claims))

        service.store("erp", level)
        # For the provider itself, it is the provider, and one of its instances is not another.
        assert found(f"provider_{level}").status_code == 200
        assert found("provider_instance", service.of(OTHER_INSTANCE)).status_code == 404
        provider, issuer.zone = issuer.zone, "99999999-2222-4333-8444-555555555555"
        subscribed = {"serviceinstanceid": INSTANCE, "providersubaccountid": provider}
        assert found(level, ext_attr=subscribed).status_code == 404
        told = found(f"provider_{level}", ext_attr=subscribed).json()["destinationConfiguration"]["$metadata"]
        assert told["owner"]["destinations"] == [{"Name": "erp", "SubaccountId": provider, "InstanceId": instance_id}]
        assert found(f"provider_{level}").status_code == 404  # a token that names no provider


class TestCallers:
    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer garbage", "Basic YTpi"])
    def test_without_a_token(self, service, header):
        url = f"{service.url}/destination-configuration/v1/destinations/erp"
        answer = service.http.get(url, headers={"authorization": header} if header else {})
        assert (answer.status_code, answer.json()) == (401, {"ErrorMessage": "Unauthorized"})
        assert answer.headers["www-authenticate"].startswith("Bearer")

    def test_a_token_of_another_service(self, service, issuer):
        for cid in ("sb-clone-1!b1|connectivity!b1", "sb-app!t1", "sb-x!b1|destination-xsappname!b12"):
            assert service.find("erp", token=issuer.client_token(cid)).status_code == 401

    def test_a_token_that_names_us_but_is_no_client_of_ours(self, service, issuer):
        for token in (
            issuer.client_token("sb-app!t1", aud=["destination-xsappname!b1"]),
            issuer.token(aud=["sb-app!t1", "x|destination-xsappname!b1"]),
        ):
            answer = service.find("erp", token=token)
            assert (answer.status_code, answer.json()) == (403, {"ErrorMessage": "Forbidden"})

    def test_expired_or_forged(self, service, issuer):
        assert service.find("erp", token=service.token(lifetime=-1)).status_code == 401
        claims = json.loads(base64.urlsafe_b64decode(service.token().split(".")[1] + "=="))
        forged = issuer.sign(claims, key=new_key(issuer.keys[0].kid))
        assert service.find("erp", token=forged).status_code == 401

    def test_the_instance_is_named_by_the_client_id_too(self, service, issuer):
        service.store("erp")
        assert service.find("erp", token=issuer.client_token(clone(INSTANCE))).status_code == 200

    def test_the_service_itself_has_no_instance(self, service, issuer):
        service.store("ours", "subaccount")
        token = issuer.client_token("sb-destination-xsappname!b1")
        assert service.find("ours", token=token).status_code == 200
        assert service.send("GET", "v1/instanceDestinations", token=token).status_code == 403


class TestBasicAuthentication:
    def test_the_header_is_ready(self, service):
        service.store("erp", Authentication="BasicAuthentication", User="jürgen", Password="p:ä")
        value = base64.b64encode("jürgen:p:ä".encode()).decode()
        assert only_token(service.find("erp")) == {
            "type": "Basic",
            "value": value,
            "http_header": {"key": "Authorization", "value": f"Basic {value}"},
        }

    def test_user_and_password_without_a_name_for_it(self, service):
        service.store("erp", User="u", Password="p")
        assert only_token(service.find("erp"))["type"] == "Basic"

    def test_without_user(self, service):
        service.store("erp", Authentication="BasicAuthentication")
        assert "User" in failure(service.find("erp"))


class TestClientCredentials:
    def test_a_token_is_fetched(self, service, token_service):
        service.store("erp", **oauth(token_service, scope="x y"))

        assert only_token(service.find("erp")) == {
            "type": "Bearer",
            "value": "the-token",
            "http_header": {"key": "Authorization", "value": "Bearer the-token"},
            "expires_in": "3600",
            "scope": "a b",
        }
        [request] = token_service.requests
        assert request.form == {
            "grant_type": "client_credentials",
            "client_id": "the-client",
            "client_secret": "the-secret",
            "scope": "x y",
        }
        assert "authorization" not in request.headers

    def test_a_token_is_kept(self, service, token_service):
        service.store("erp", **oauth(token_service))
        first, second = only_token(service.find("erp")), only_token(service.find("erp"))
        assert first["value"] == second["value"]
        assert int(second["expires_in"]) <= 3600
        assert len(token_service.requests) == 1

    def test_but_not_for_another_configuration(self, service, token_service):
        service.store("one", **oauth(token_service))
        service.store("two", **oauth(token_service, scope="more"))
        service.store("three", **oauth(token_service, clientSecret="another"))
        for name in ("one", "two", "three"):
            service.find(name)
        assert len(token_service.requests) == 3

    def test_and_not_for_another_tenant(self, service, issuer, token_service):
        service.store("erp", **oauth(token_service))
        service.find("erp")
        issuer.zone = "99999999-2222-4333-8444-555555555555"
        service.store("erp", **oauth(token_service))
        service.find("erp")
        assert len(token_service.requests) == 2

    def test_and_not_when_it_ends_soon(self, service, token_service):
        token_service.answer = (200, {"access_token": "short", "token_type": "bearer", "expires_in": 59})
        service.store("erp", **oauth(token_service))
        service.find("erp")
        service.find("erp")
        assert len(token_service.requests) == 2

    def test_many_at_once_ask_once(self, service, token_service):
        service.store("erp", **oauth(token_service))
        token_service.hold = threading.Event()
        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(service.find, "erp") for _ in range(8)]
            threading.Timer(0.3, token_service.hold.set).start()
            assert {only_token(answer.result())["value"] for answer in answers} == {"the-token"}
        assert len(token_service.requests) == 1

    def test_credentials_in_a_header(self, service, token_service):
        service.store("a", **oauth(token_service, **{"tokenService.addClientCredentialsInBody": "false"}))
        service.store("b", **oauth(token_service, tokenServiceUser="user", tokenServicePassword="pass"))
        service.find("a")
        service.find("b")
        first, second = token_service.requests
        assert first.headers["authorization"] == "Basic " + base64.b64encode(b"the-client:the-secret").decode()
        assert second.headers["authorization"] == "Basic " + base64.b64encode(b"user:pass").decode()
        for request in (first, second):
            assert request.form == {"grant_type": "client_credentials"}

    def test_what_a_destination_adds(self, service, token_service):
        more = {
            "tokenServiceURL.headers.X-More": "h",
            "tokenServiceURL.queries.q": "1 & 2",
            "tokenService.body.resource": "r",
        }
        service.store("erp", **oauth(token_service, **more))
        service.find("erp")
        [request] = token_service.requests
        assert request.headers["x-more"] == "h"
        assert request.query == {"q": "1 & 2"}
        assert request.form["resource"] == "r"

    @pytest.mark.parametrize("name", ["Host", "Content-Length", "a b", "x\r\nEvil: 1"])
    def test_headers_that_would_change_the_request(self, service, token_service, name):
        document = {"Name": "erp", "Type": "HTTP", "URL": "http://a"} | oauth(token_service)
        document[f"tokenServiceURL.headers.{name}"] = "1"
        stored = service.send("POST", "v1/instanceDestinations", json=document)
        if stored.status_code == 201:
            assert "header" in failure(service.find("erp"))
        else:
            assert stored.status_code == 400
        assert token_service.requests == []

    def test_no_token_when_none_is_wanted(self, service, token_service):
        service.store("erp", **oauth(token_service))
        answer = service.find("erp", "?$skipTokenRetrieval=true")
        assert "authTokens" not in answer.json()
        assert token_service.requests == []

    def test_a_common_token_service_needs_a_tenant(self, service, token_service):
        service.store("erp", **oauth(token_service, tokenServiceURLType="Common"))
        assert service.find("erp").status_code == 400
        assert service.find("erp", x_tenant="bad.name").status_code == 400
        assert service.find("erp", x_tenant="a/b").status_code == 400

    def test_a_common_token_service_is_asked_at_the_tenants_address(self, service, token_service):
        url = token_service.url + "/{tenant}/oauth/token"
        service.store("erp", **oauth(token_service, tokenServiceURLType="Common", tokenServiceURL=url))
        only_token(service.find("erp", x_tenant="acme"))
        assert token_service.requests[0].path == "/acme/oauth/token"

    def test_a_dedicated_one_allows_none(self, service, token_service):
        service.store("erp", **oauth(token_service))
        assert service.find("erp", x_tenant="acme").status_code == 400

    def test_user_and_tenant_at_once(self, service, token_service):
        service.store("erp", **oauth(token_service))
        answer = service.find("erp", x_tenant="acme", x_user_token="x")
        assert answer.status_code == 400
        assert "X-user-token" in answer.json()["ErrorMessage"]
        assert service.find("erp", x_tenant="", x_user_token="").status_code == 200


class TestTokenServiceFailures:
    def test_a_refusal_is_told_without_the_secret(self, service, token_service):
        token_service.answer = (401, {"error": "unauthorized", "error_description": "Bad credentials the-secret"})
        service.store("erp", **oauth(token_service))
        text = failure(service.find("erp"))
        assert "Bad credentials" in text
        assert "the-secret" not in text

    @pytest.mark.parametrize(
        "answer",
        [
            (500, "boom"),
            (200, "no json"),
            (200, []),
            (200, {"access_token": ""}),
            (200, {"access_token": 5}),
            (200, {"access_token": "x", "expires_in": "soon"}),
            (204, ""),
            (200, "x" * 2_000_000),
            (200, "[" * 50_000),
        ],
    )
    def test_an_answer_that_is_no_token(self, service, token_service, answer):
        token_service.answer = answer
        service.store("erp", **oauth(token_service))
        assert failure(service.find("erp"))

    def test_redirects_are_not_followed(self, service, token_service):
        token_service.answer = (302, "")
        token_service.headers = {"location": f"{token_service.url}/elsewhere"}
        service.store("erp", **oauth(token_service))
        assert failure(service.find("erp"))
        assert len(token_service.requests) == 1

    def test_not_reachable(self, service, token_service):
        service.store("erp", **oauth(token_service, tokenServiceURL="https://localhost:1/oauth/token"))
        assert "https://localhost:1" in failure(service.find("erp"))

    def test_too_slow(self, service, token_service):
        token_service.hold = threading.Event()
        service.store("erp", **oauth(token_service, **{"tokenServiceURL.SocketReadTimeoutInSeconds": "1"}))
        assert failure(service.find("erp"))

    @pytest.mark.parametrize(
        "url",
        [
            "file:///etc/passwd",
            "ftp://a/b",
            "gopher://a",
            "/oauth/token",
            "https://",
            "https://user:pw@localhost/x",
            "http://169.254.169.254/latest/meta-data/",
            "http://[fe80::1]/",
            "http://0.0.0.0/",
            "http://[fd00:ec2::254]/",
            "http://[::ffff:169.254.169.254]/",
            "http://no-such-host.invalid/",
        ],
    )
    def test_addresses_that_are_never_called(self, service, token_service, url):
        service.store("erp", **oauth(token_service, tokenServiceURL=url))
        assert failure(service.find("erp"))

    @pytest.mark.parametrize("missing", ["clientId", "tokenServiceURL"])
    def test_what_is_missing_is_named(self, service, token_service, missing):
        properties = oauth(token_service)
        del properties[missing]
        service.store("erp", **properties)
        assert missing in failure(service.find("erp"))


class TestUserTokens:
    @pytest.mark.parametrize("authentication", EXCHANGES)
    def test_the_users_token_is_exchanged(self, service, issuer, token_service, authentication):
        service.store("erp", **oauth(token_service, authentication))
        users = issuer.token(user="kim")

        assert only_token(service.find("erp", x_user_token=users))["http_header"]["value"] == "Bearer the-token"
        [request] = token_service.requests
        assert request.form == {
            "grant_type": JWT_BEARER,
            "assertion": users,
            "response_type": "token",
            "client_id": "the-client",
            "client_secret": "the-secret",
        }

    def test_the_callers_own_token_may_be_the_users(self, service, token_service):
        service.store("erp", **oauth(token_service, "OAuth2JWTBearer"))
        users = service.user_token(user="kim")
        only_token(service.find("erp", token=users))
        assert token_service.requests[0].form["assertion"] == users

    def test_another_users_token_is_never_given_out(self, service, issuer, token_service):
        service.store("erp", **oauth(token_service, "OAuth2JWTBearer"))
        for user in ("kim", "alex"):
            token_service.answer = (200, {"access_token": f"for-{user}", "expires_in": 3600})
            assert only_token(service.find("erp", x_user_token=issuer.token(user=user)))["value"] == f"for-{user}"

    @pytest.mark.parametrize("authentication", EXCHANGES)
    def test_without_a_user(self, service, token_service, authentication):
        service.store("erp", **oauth(token_service, authentication))
        assert "user token" in failure(service.find("erp"))
        assert token_service.requests == []

    def test_a_token_that_is_not_valid(self, service, issuer, token_service):
        service.store("erp", **oauth(token_service, "OAuth2JWTBearer"))
        for bad in (
            "garbage",
            issuer.token(lifetime=-1),
            issuer.token(key=new_key(issuer.keys[0].kid)),
            issuer.token(zid="../x"),
        ):
            assert "not valid" in failure(service.find("erp", x_user_token=bad))
        assert token_service.requests == []

    def test_a_token_of_another_issuer_needs_its_keys(self, service, issuer, token_service):
        stranger = new_key("stranger")
        foreign = issuer.token(key=stranger)
        keys = base64.b64encode(json.dumps({"keys": [stranger.jwk]}).encode()).decode()
        service.store("plain", **oauth(token_service, "OAuth2JWTBearer"))
        service.store("trusting", **oauth(token_service, "OAuth2JWTBearer", **{"x_user_token.jwks": keys}))
        service.store("broken", **oauth(token_service, "OAuth2JWTBearer", **{"x_user_token.jwks": "%%%"}))
        assert failure(service.find("plain", x_user_token=foreign))
        assert failure(service.find("broken", x_user_token=foreign))
        assert only_token(service.find("trusting", x_user_token=foreign))["value"] == "the-token"
        # Whose keys are named, is the only one believed.
        assert failure(service.find("trusting", x_user_token=issuer.token()))

    def test_the_keys_may_be_fetched(self, service, issuer, token_service):
        uri = {"x_user_token.jwks_uri": f"{issuer.url}/token_keys"}
        service.store("erp", **oauth(token_service, "OAuth2JWTBearer", **uri))
        assert only_token(service.find("erp", x_user_token=issuer.token()))["value"] == "the-token"

    def test_a_common_token_service_is_asked_for_the_users_tenant(self, service, issuer, token_service):
        url = token_service.url + "/{tenant}/oauth/token"
        service.store(
            "erp", **oauth(token_service, "OAuth2JWTBearer", tokenServiceURLType="Common", tokenServiceURL=url)
        )
        only_token(service.find("erp", x_user_token=issuer.token()))
        assert token_service.requests[0].path == "/dev/oauth/token"

    def test_a_tenant_header_makes_no_sense(self, service, token_service):
        service.store("erp", **oauth(token_service, "OAuth2JWTBearer"))
        assert service.find("erp", x_tenant="acme").status_code == 400


class TestOtherAuthentications:
    def test_principal_propagation(self, service):
        service.store("erp", Authentication="PrincipalPropagation", ProxyType="OnPremise", CloudConnectorLocationId="a")
        answer = service.find("erp", x_user_token="")
        assert answer.status_code == 200
        assert "authTokens" not in answer.json()

    def test_principal_propagation_over_the_internet(self, service):
        service.store("erp", Authentication="PrincipalPropagation")
        assert "OnPremise" in failure(service.find("erp"))

    @pytest.mark.parametrize("name", ["ClientCertificateAuthentication", "OAuth2SAMLBearerAssertion", "NoSuchThing"])
    def test_what_is_not_supported_says_so(self, service, name):
        service.store("erp", Authentication=name)
        assert name in failure(service.find("erp"))
        assert "authTokens" not in service.find("erp", "?$skipTokenRetrieval=true").json()

    @pytest.mark.parametrize(
        "header", ["x-fragment-name", "x-chain-name", "x-client-assertion", "x-client-assertion-destination-name"]
    )
    def test_headers_that_ask_for_more_than_is_offered(self, service, header):
        service.store("erp")
        answer = service.find("erp", **{header: "x"})
        assert answer.status_code == 400
        assert header in answer.json()["ErrorMessage"]

    def test_an_optional_fragment_may_be_missing(self, service):
        service.store("erp")
        assert service.find("erp", **{"x-fragment-name": "x", "x-fragment-optional": "true"}).status_code == 200
