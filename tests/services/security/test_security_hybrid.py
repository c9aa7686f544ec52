"""Tokens of the identity service, alone and beside those of the authorization server."""

import socket

import pytest

from entryway.security import BindingMissing, KeysUnavailable, TokenClient, TokenInvalid
from entryway.security.bearer import Protection, refusal
from entryway.security.hybrid import HybridValidator
from entryway.security.identity import IdentityTokenValidator, parse_identity
from entryway.security.token_request import ExchangeFailed
from entryway.testing.issuer import new_key
from entryway.testing.token_service import running_token_service

OTHER = "99999999-2222-4333-8444-555555555555"


@pytest.fixture(autouse=True)
def names_below_localhost(monkeypatch):
    resolve = socket.getaddrinfo

    def localhost(host, *rest, **more):
        name = host.decode() if isinstance(host, bytes) else host
        return resolve("localhost" if name and name.endswith(".localhost") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", localhost)
    monkeypatch.setenv("NO_PROXY", "localhost")


@pytest.fixture
def identity(issuer):
    return IdentityTokenValidator(parse_identity(issuer.identity_credentials()), tls=issuer.tls)


@pytest.fixture
def service(issuer):
    with running_token_service(issuer.authority) as service:
        yield service


@pytest.fixture
def hybrid(issuer, validator, identity, service):
    client = TokenClient(issuer.credentials(url=service.url, uaadomain=service.url), tls=issuer.tls)
    return HybridValidator(validator, identity, exchange=client)


def reason_of(validator, token: str) -> str:
    with pytest.raises(TokenInvalid) as caught:
        validator.validate(token)
    return caught.value.reason


async def test_who_somebody_is(issuer, identity):
    token = issuer.identity_token(user="kim", groups=["Buyers"])
    context = identity.validate(token)
    assert context is await identity.validate_async(token)
    assert (context.get_logon_name(), context.get_email(), context.get_given_name()) == (
        "kim", "kim@example.com", "Kim",
    )  # fmt: skip
    assert (context.get_zone_id(), context.get_clientid(), context.groups()) == (
        issuer.zone, "identity-client", ("Buyers",),
    )  # fmt: skip
    assert context.get_attribute("groups") == ["Buyers"]
    assert not context.check_scope("app!t1.Display")
    assert not context.check_local_scope("Display")
    assert "eyJ" not in repr(context)


def test_the_keys_are_asked_for_as_the_application(issuer, identity):
    identity.validate(issuer.identity_token())
    identity.validate(issuer.identity_token(user="kim"))
    assert issuer.requests == ["/.well-known/openid-configuration", "/oauth2/certs"]


def test_a_client_is_no_user(issuer, identity):
    context = identity.validate(issuer.identity_token(sub="identity-client"))
    assert context.is_technical()
    assert context.get_user_id() is context.get_logon_name() is context.get_email() is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lifetime": -1}, "expired"),
        ({"drop": ["exp"]}, "exp_missing"),
        ({"aud": ["x"]}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": [5]}, "malformed"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": 5}, "issuer"),
        ({"iss": "https://dev.localhost%2eevil"}, "issuer"),
        ({"iss": "https://user@dev.localhost"}, "issuer"),
        ({"iss": "https://dev.localhost/path"}, "issuer"),
        ({"ias_iss": "https://evil.example"}, "issuer"),
        ({"app_tid": OTHER}, "other_tenant"),
        ({"app_tid": "a\r\nb"}, "other_tenant"),
    ],
)
def test_refused_without_asking_anybody(issuer, identity, change, reason):
    assert reason_of(identity, issuer.identity_token(**change)) == reason
    assert issuer.requests == []


def test_refused_by_its_signature(issuer, identity):
    token = issuer.identity_token()
    assert reason_of(identity, token[:-10] + "AAAAAAAAAA") == "signature"
    issuer.keys.append(new_key())
    claims = {"iss": issuer.identity_url, "aud": ["identity-client"], "app_tid": issuer.zone}
    late = issuer.sign(claims | {"exp": 4e9}, key=issuer.keys[1])
    assert reason_of(identity, late) == "unknown_key"  # asked for again after ten seconds, not sooner


@pytest.mark.parametrize("address", ["https://evil.example/keys", "http://dev.localhost/keys", 5, None, "https://["])
def test_the_discovery_document_leads_nowhere_else(issuer, identity, address):
    issuer.discovery = {"jwks_uri": address}
    with pytest.raises(KeysUnavailable):
        identity.validate(issuer.identity_token())


def test_other_tenants_where_the_application_wants_them(issuer):
    validator = IdentityTokenValidator(parse_identity(issuer.identity_credentials()), any_tenant=True, tls=issuer.tls)
    # The service knows no such tenant, so that it gives out no key for it.
    assert reason_of(validator, issuer.identity_token(app_tid=OTHER)) == "unknown_key"


@pytest.mark.parametrize("change", [{"clientid": ""}, {"domains": [], "domain": ""}, {"domains": [5]}])
def test_a_binding_that_is_not_complete(issuer, change):
    with pytest.raises(BindingMissing):
        parse_identity(issuer.identity_credentials() | change)


class TestBoth:
    def test_the_audience_chooses(self, issuer, validator, identity):
        hybrid = HybridValidator(validator, identity)
        assert hybrid.validate(issuer.token(scopes=["Display"])).check_local_scope("Display")
        assert hybrid.validate(issuer.identity_token(user="kim")).get_logon_name() == "kim"
        assert reason_of(hybrid, issuer.token(xsappname="other!t1")) == "audience"

    def test_the_audience_alone_is_not_believed(self, issuer, validator, identity):
        hybrid = HybridValidator(validator, identity)
        assert reason_of(hybrid, issuer.token(aud=["identity-client"], iss="https://evil.example")) == "issuer"

    async def test_a_user_gets_scopes_by_the_exchange(self, issuer, hybrid, service):
        service.answer = (200, {"access_token": issuer.token(scopes=["Display"]), "expires_in": 3600})
        token = issuer.identity_token()
        assert hybrid.validate(token).check_local_scope("Display")
        assert (await hybrid.validate_async(token)).check_local_scope("Display")
        (asked,) = service.requests
        assert asked.form["assertion"] == token
        assert asked.headers["x-zid"] == issuer.zone

    def test_a_client_is_not_exchanged(self, issuer, hybrid, service):
        assert not hybrid.validate(issuer.identity_token(sub="identity-client")).check_local_scope("Display")
        assert service.requests == []

    def test_a_bad_token_is_not_exchanged(self, issuer, hybrid, service):
        assert reason_of(hybrid, issuer.identity_token(lifetime=-1)) == "expired"
        assert service.requests == []

    @pytest.mark.parametrize("status", [400, 401, 403])
    async def test_whom_the_authorization_server_refuses(self, issuer, hybrid, service, status):
        service.answer = (status, {"error": "invalid_grant"})
        assert reason_of(hybrid, issuer.identity_token()) == "exchange"
        with pytest.raises(TokenInvalid):
            await hybrid.validate_async(issuer.identity_token())

    def test_an_answer_that_is_no_verdict(self, issuer, hybrid, service):
        service.answer = (404, "")
        with pytest.raises(ExchangeFailed) as caught:
            Protection(hybrid).authenticate({"authorization": [f"Bearer {issuer.identity_token()}"]}.__getitem__)
        assert refusal(caught.value).status == 503

    def test_a_token_of_another_tenant_is_not_taken_for_the_users(self, issuer, service, hybrid):
        service.answer = (200, {"access_token": issuer.token(zid=OTHER), "expires_in": 3600})
        assert reason_of(hybrid, issuer.identity_token()) == "other_tenant"
