"""Tokens are judged against keys that come over real TLS."""

import asyncio
import base64
import hmac
import json
import logging
import threading
import time
from hashlib import sha256

import pytest
from joserfc.errors import SecurityWarning

from entryway.security import (
    KeysUnavailable,
    TokenInvalid,
    TokenValidator,
    create_security_context,
    create_security_context_async,
    parse_credentials,
)
from entryway.testing.issuer import Issuer, new_key

OTHER_ZONE = "99999999-2222-4333-8444-555555555555"


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(part: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def refusal_of(validator: TokenValidator, token: str) -> str:
    with pytest.raises(TokenInvalid) as caught:
        validator.validate(token)
    return caught.value.reason


def test_a_users_token_tells_who_it_is(issuer, validator):
    token = issuer.token(user="alex", scopes=["Display"], **{"xs.user.attributes": {"country": ["DE"]}})

    context = validator.validate(token)

    assert context.check_local_scope("Display")
    assert context.check_scope("app!t1.Display")
    assert context.check_scope("$XSAPPNAME.Display")
    assert not context.check_local_scope("Edit")
    assert not context.check_scope("Display")
    assert not context.check_scope("")
    assert not context.check_local_scope("")
    assert context.local_scopes() == {"Display"}
    assert context.get_logon_name() == "alex"
    assert context.get_email() == "alex@example.com"
    assert (context.get_given_name(), context.get_family_name()) == ("Alex", "Example")
    assert context.get_clientid() == "sb-app!t1"
    assert context.get_zone_id() == context.get_identity_zone() == context.get_subaccount_id() == issuer.zone
    assert context.get_subdomain() == issuer.subdomain
    assert context.get_grant_type() == "authorization_code"
    assert context.get_origin() == "entryway"
    assert context.has_attributes() is True
    assert context.get_attribute("country") == ["DE"]
    assert context.get_attribute("planet") is None
    assert context.get_app_token() == token
    assert context.get_audience() == ["sb-app!t1", "openid", "app!t1"]
    assert context.get_expiration_date().timestamp() > time.time()
    assert not context.is_in_foreign_mode()
    assert "eyJ" not in repr(context)


def test_a_clients_token_names_no_user(issuer, validator):
    context = validator.validate(issuer.client_token("sb-app!t1", instance_id="one", az_attr={"a": "b"}))

    assert context.get_logon_name() is context.get_email() is context.get_given_name() is None
    assert context.has_attributes() is None
    assert context.get_attribute("country") is None
    assert context.get_clone_service_instance_id() == "one"
    assert context.get_additional_auth_attribute("a") == "b"


async def test_asynchronous_callers_get_the_same(issuer, validator):
    token = issuer.token(scopes=["Display"])

    assert (await validator.validate_async(token)).check_local_scope("Display")
    assert validator.validate(token) is await validator.validate_async(token)
    assert len(issuer.requests) == 1


async def test_the_short_form_finds_its_authority_in_the_environment(issuer, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca_file))
    monkeypatch.setenv("NO_PROXY", "localhost")
    token = issuer.token(scopes=["Display"])

    assert create_security_context(token, issuer.credentials()).check_local_scope("Display")
    assert (await create_security_context_async(token, issuer.credentials())).check_local_scope("Display")


def test_a_token_seen_before_costs_next_to_nothing(issuer, validator):
    token = issuer.token(scopes=["Display"])
    first = validator.validate(token)

    started = time.process_time()
    for _ in range(1000):
        assert validator.validate(token) is first
    spent = time.process_time() - started

    assert spent < 0.1  # 100 µs each would be slow; it is about 3
    assert len(issuer.requests) == 1


def test_a_context_reads_the_claims_once_and_those_that_were_judged(issuer, validator):
    token = issuer.token(scopes=["Display"], **{"xs.user.attributes": {"country": ["DE"]}})
    context = validator.validate(token)

    assert context.claims == decoded(token.split(".")[1])
    assert validator.validate(token).claims is context.claims
    assert context.get_attribute("country") == ["DE"]


class TestForgedTokens:
    def test_changed_claims(self, issuer, validator):
        header, claims, signature = issuer.token().split(".")
        more = decoded(claims) | {"scope": ["app!t1.Edit"]}
        assert refusal_of(validator, f"{header}.{encoded(more)}.{signature}") == "signature"

    def test_changed_signature(self, issuer, validator):
        header, claims, signature = issuer.token().split(".")
        changed = ("A" if signature[0] != "A" else "B") + signature[1:]
        assert refusal_of(validator, f"{header}.{claims}.{changed}") == "signature"

    def test_signed_by_somebody_else_under_our_key_id(self, issuer, validator):
        token = issuer.token(key=new_key(issuer.keys[0].kid))
        assert refusal_of(validator, token) == "signature"

    @pytest.mark.parametrize("name", ["none", "None", "nOnE", "", None])
    def test_no_signature(self, issuer, validator, name):
        header, claims, _ = issuer.token().split(".")
        forged = encoded(decoded(header) | {"alg": name})
        assert refusal_of(validator, f"{forged}.{claims}.") == "malformed"
        assert refusal_of(validator, f"{forged}.{claims}.AAAA") == "algorithm"

    def test_the_public_key_as_a_shared_secret(self, issuer, validator):
        header, claims, _ = issuer.token().split(".")
        signed = f"{encoded(decoded(header) | {'alg': 'HS256'})}.{claims}"
        for secret in (issuer.keys[0].pem.encode(), issuer.keys[0].pem.strip().encode()):
            mac = hmac.new(secret, signed.encode(), sha256).digest()
            assert refusal_of(validator, f"{signed}.{encoded(mac)}") == "algorithm"

    @pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
    def test_an_algorithm_that_we_do_not_use(self, issuer, validator, algorithm):
        assert refusal_of(validator, issuer.token(header={"alg": algorithm})) == "algorithm"

    def test_a_key_within_the_token(self, issuer, validator):
        stranger = new_key(issuer.keys[0].kid)
        token = issuer.token(key=stranger, header={"jwk": stranger.jwk})
        assert refusal_of(validator, token) == "signature"

    def test_a_header_that_names_other_keys_is_not_followed(self, issuer, validator, tmp_path):
        assert validator.validate(issuer.token(header={"jku": "https://evil.example/token_keys"}))
        assert issuer.requests == [f"/token_keys?zid={issuer.zone}"]

    def test_a_critical_header(self, issuer, validator):
        header, claims, signature = issuer.token().split(".")
        forged = encoded(decoded(header) | {"crit": ["b64"], "b64": False})
        assert refusal_of(validator, f"{forged}.{claims}.{signature}") == "critical_header"

    def test_no_key_id(self, issuer, validator):
        assert refusal_of(validator, issuer.token(header={"kid": None})) == "kid_missing"
        assert refusal_of(validator, issuer.token(header={"kid": ""})) == "kid_missing"

    def test_unknown_key(self, issuer, validator):
        assert refusal_of(validator, issuer.token(key=new_key("stranger"))) == "unknown_key"


class TestClaims:
    def test_expired(self, issuer, validator):
        assert refusal_of(validator, issuer.token(lifetime=-1)) == "expired"

    def test_expired_within_the_leeway(self, issuer):
        validator = TokenValidator(parse_credentials(issuer.credentials()), tls=issuer.tls, leeway=60)
        assert validator.validate(issuer.token(lifetime=-30))
        assert refusal_of(validator, issuer.token(lifetime=-61)) == "expired"

    def test_a_remembered_token_expires_too(self, issuer):
        now = [time.time()]
        validator = TokenValidator(parse_credentials(issuer.credentials()), tls=issuer.tls, clock=lambda: now[0])
        token = issuer.token(lifetime=60)
        assert validator.validate(token)
        now[0] += 61
        assert refusal_of(validator, token) == "expired"

    def test_not_yet_valid(self, issuer, validator):
        assert refusal_of(validator, issuer.token(nbf=time.time() + 60)) == "not_yet_valid"
        assert refusal_of(validator, issuer.token(iat=time.time() + 600)) == "issued_in_the_future"

    @pytest.mark.parametrize(
        ("claim", "reason"), [("exp", "exp_missing"), ("zid", "zid_missing"), ("cid", "cid_missing")]
    )
    def test_missing(self, issuer, validator, claim, reason):
        assert refusal_of(validator, issuer.token(drop=[claim])) == reason

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": "tomorrow"},
            {"exp": True},
            {"exp": -1},
            {"exp": 10**30},
            {"nbf": []},
            {"aud": {"app!t1": 1}},
            {"aud": [1]},
            {"scope": 5},
            {"scope": [None]},
        ],
    )
    def test_of_the_wrong_type(self, issuer, validator, claims):
        assert refusal_of(validator, issuer.token(**claims)) == "malformed"

    @pytest.mark.parametrize("zid", [5, None, "", "../oauth/token", "a?b", "a" * 101, ["x"]])
    def test_a_tenant_that_is_none(self, issuer, zid):
        shared = parse_credentials(issuer.credentials(tenantmode="shared"))
        validator = TokenValidator(shared, tls=issuer.tls)
        assert refusal_of(validator, issuer.token(zid=zid)) == "zid_missing"
        assert issuer.requests == []

    def test_another_tenant(self, issuer, validator):
        assert refusal_of(validator, issuer.token(zid=OTHER_ZONE)) == "other_tenant"
        assert issuer.requests == []

    def test_another_tenant_that_the_server_does_not_know(self, issuer):
        shared = parse_credentials(issuer.credentials(tenantmode="shared"))
        validator = TokenValidator(shared, tls=issuer.tls)
        assert validator.validate(issuer.token())
        assert refusal_of(validator, issuer.token(zid=OTHER_ZONE)) == "unknown_key"

    def test_odd_content_of_known_claims_is_no_error(self, issuer, validator):
        context = validator.validate(
            issuer.token(ext_attr="x", az_attr=[1], user_name=7, **{"xs.user.attributes": "none"})
        )
        assert context.get_subdomain() is None
        assert context.get_logon_name() is None
        assert context.get_attribute("country") is None
        assert context.get_additional_auth_attribute("a") is None


class TestAudience:
    def test_another_application(self, issuer, validator):
        assert refusal_of(validator, issuer.token(xsappname="other!t1", scopes=["Display"])) == "audience"

    def test_another_applications_client_with_our_scope(self, issuer, validator):
        token = issuer.token(xsappname="other!t1", scopes=["app!t1.Display"], aud=["sb-other!t1", "app!t1"])
        context = validator.validate(token)
        assert context.check_local_scope("Display")
        assert context.is_in_foreign_mode()

    def test_an_audience_is_cut_at_its_first_dot(self, issuer, validator):
        assert validator.validate(issuer.token(xsappname="other!t1", aud=["app!t1.sub.area"]))

    def test_without_audience_the_scopes_count(self, issuer, validator):
        assert validator.validate(issuer.token(xsappname="other!t1", aud=[], scope=["app!t1.Display"]))
        assert refusal_of(validator, issuer.token(xsappname="other!t1", aud=[], scope=["app!t1"])) == "audience"

    def test_a_name_that_only_begins_like_ours(self, issuer, validator):
        assert refusal_of(validator, issuer.token(xsappname="other!t1", aud=["app!t10", "xapp!t1"])) == "audience"

    def test_clones_of_a_broker(self, issuer):
        own = parse_credentials(issuer.credentials("service!b1"))
        validator = TokenValidator(own, tls=issuer.tls)
        assert validator.validate(issuer.client_token("sb-clone-1!b1|service!b1", instance_id="1"))
        assert refusal_of(validator, issuer.client_token("sb-clone-1!b1|service!b12")) == "audience"
        assert refusal_of(validator, issuer.client_token("sb-clone-1!b1|other-service!b1")) == "audience"

    def test_an_applications_name_is_no_suffix(self, issuer, validator):
        assert refusal_of(validator, issuer.client_token("sb-evil!t2|app!t1")) == "audience"

    def test_trusted_client_id_suffix(self, issuer):
        own = parse_credentials(issuer.credentials(trustedclientidsuffix="|svc!b9"))
        validator = TokenValidator(own, tls=issuer.tls)
        context = validator.validate(issuer.client_token("sb-clone-1!b1|svc!b9"))
        assert not context.is_in_foreign_mode()
        assert refusal_of(validator, issuer.client_token("sb-clone-1!b1|svc!b99")) == "audience"


class TestGarbage:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            ".",
            "..",
            "a.b",
            "a.b.c.d",
            "a.b.c",
            "a b.c.d",
            "ä.b.c",
            "\ud800.b.c",
            "\x00.a.b",
            "e30.e30.e30",
            "MQ.e30.AA",
        ],
    )
    def test_is_refused(self, validator, text):
        assert refusal_of(validator, text) in {"malformed", "algorithm"}

    def test_huge(self, issuer, validator):
        assert refusal_of(validator, issuer.token(padding="x" * 20_000)) == "too_large"
        assert refusal_of(validator, "a" * 10_000_000) == "too_large"

    def test_deep(self, issuer, validator):
        header = issuer.token().split(".")[0]
        for deep in (b"[" * 11_000, b'{"a":' * 2_000 + b"1" + b"}" * 2_000):
            assert refusal_of(validator, f"{header}.{encoded(deep)}.AAAA") in {"malformed", "zid_missing"}

    def test_numbers_that_json_does_not_have(self, issuer, validator):
        header = issuer.token().split(".")[0]
        for text in (b'{"exp":NaN}', b'{"exp":Infinity}'):
            assert refusal_of(validator, f"{header}.{encoded(text)}.AAAA") == "malformed"
        claims = f'{{"zid":"{issuer.zone}","exp":1e999}}'.encode()
        assert refusal_of(validator, f"{header}.{encoded(claims)}.AAAA") == "malformed"

    def test_bytes_that_are_no_text(self, issuer, validator):
        assert refusal_of(validator, f"{encoded(bytes([255, 254]))}.e30.AAAA") == "malformed"


class TestKeys:
    def test_a_new_key_is_found(self, issuer):
        now = [time.time()]
        validator = TokenValidator(parse_credentials(issuer.credentials()), tls=issuer.tls, clock=lambda: now[0])
        validator.validate(issuer.token())
        issuer.keys.append(fresh := new_key())
        now[0] += 11

        assert validator.validate(issuer.token(key=fresh))
        assert len(issuer.requests) == 2

    def test_unknown_keys_do_not_make_us_ask_again_and_again(self, issuer, validator):
        validator.validate(issuer.token())
        stranger = new_key("stranger")
        for number in range(20):
            token = issuer.token(key=stranger, header={"kid": f"unknown-{number}"})
            assert refusal_of(validator, token) == "unknown_key"
        assert len(issuer.requests) == 1

    def test_keys_that_are_too_weak_or_for_something_else_do_not_count(self, issuer, validator):
        with pytest.warns(SecurityWarning):
            weak = new_key("weak", bits=1024)
        issuer.keys.append(weak)
        token = issuer.token(key=weak)
        assert refusal_of(validator, token) == "unknown_key"

    def test_a_server_that_is_down_is_no_wrong_token(self, issuer, validator):
        issuer.failing = 500
        with pytest.raises(KeysUnavailable):
            validator.validate(issuer.token())
        asked = len(issuer.requests)
        with pytest.raises(KeysUnavailable):
            validator.validate(issuer.token())
        assert len(issuer.requests) == asked  # not again at once

    def test_known_keys_outlive_a_short_outage(self, issuer):
        now = [time.time()]
        validator = TokenValidator(parse_credentials(issuer.credentials()), tls=issuer.tls, clock=lambda: now[0])
        validator.validate(issuer.token())
        issuer.failing = 503
        now[0] += 901
        assert validator.validate(issuer.token(jti="another"))
        now[0] += 900
        with pytest.raises(KeysUnavailable):
            validator.validate(issuer.token(jti="a third"))

    def test_a_server_that_we_do_not_trust(self, issuer):
        validator = TokenValidator(parse_credentials(issuer.credentials()))
        with pytest.raises(KeysUnavailable):
            validator.validate(issuer.token())
        assert issuer.requests == []

    async def test_many_at_once_ask_once(self, issuer, validator):
        issuer.delay = threading.Event()
        tokens = [issuer.token(jti=str(number)) for number in range(20)]

        async with asyncio.TaskGroup() as tasks:
            for token in tokens:
                tasks.create_task(validator.validate_async(token))
            assert await asyncio.to_thread(issuer.arrived.wait, 10)
            issuer.delay.set()

        assert len(issuer.requests) == 1

    def test_many_threads_ask_once(self, issuer, validator):
        token, results = issuer.token(), []
        threads = [threading.Thread(target=lambda: results.append(validator.validate(token))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(results) == 8
        assert len(issuer.requests) == 1


def test_no_token_reaches_the_log(issuer: Issuer, validator, caplog):
    caplog.set_level(logging.DEBUG)
    token = issuer.token(xsappname="other!t1")
    with pytest.raises(TokenInvalid) as caught:
        validator.validate(token)
    assert token.split(".")[2][:20] not in caplog.text + str(caught.value)
