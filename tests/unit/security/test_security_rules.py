"""What the security library decides without a network."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.security import (
    BindingMissing,
    KeysUnavailable,
    TokenInvalid,
    find_credentials,
    parse_credentials,
    parse_identity,
)
from entryway.security.claims import audiences, check_times, is_for_us
from entryway.security.fetch import key_url, parse_keys
from entryway.security.jws import TOKEN_LIMIT, take_apart, with_line_breaks
from entryway.security.keys import KeyCache
from entryway.testing.issuer import new_key

CREDENTIALS = {
    "clientid": "sb-app!t1",
    "xsappname": "app!t1",
    "url": "https://dev.example.com",
    "uaadomain": "example.com",
}


def vcap(*bindings: dict) -> str:
    return json.dumps({"xsuaa": list(bindings)})


def binding(**more) -> dict:
    return {
        "name": "uaa",
        "label": "xsuaa",
        "plan": "application",
        "tags": ["xsuaa"],
        "credentials": CREDENTIALS,
    } | more


class TestCredentials:
    def test_the_key_domain_has_no_scheme(self):
        assert parse_credentials(CREDENTIALS).key_domain == "example.com"
        assert parse_credentials(CREDENTIALS | {"uaadomain": "https://localhost:8443"}).key_domain == "localhost:8443"
        without = {name: value for name, value in CREDENTIALS.items() if name != "uaadomain"}
        assert parse_credentials(without).key_domain == "dev.example.com"

    @pytest.mark.parametrize("name", ["clientid", "xsappname"])
    def test_what_is_missing_is_named(self, name):
        for value in (None, "", 5):
            with pytest.raises(BindingMissing, match=name):
                parse_credentials(CREDENTIALS | {name: value})

    @pytest.mark.parametrize("credentials", [None, [], "text"])
    @pytest.mark.parametrize("parse", [parse_credentials, parse_identity])
    def test_no_credentials_are_said_to_be_none(self, parse, credentials):
        with pytest.raises(BindingMissing, match="no credentials of a binding"):
            parse(credentials)

    @pytest.mark.parametrize("domain", ["example.com/evil", "a@b", "x?y", "x#y"])
    def test_a_domain_is_a_host_and_nothing_more(self, domain):
        with pytest.raises(BindingMissing, match="uaadomain"):
            parse_credentials(CREDENTIALS | {"uaadomain": domain})

    def test_only_a_dedicated_application_has_one_tenant(self):
        assert parse_credentials(CREDENTIALS | {"identityzoneid": "z"}).expected_zone == "z"
        assert parse_credentials(CREDENTIALS | {"identityzoneid": "z", "tenantmode": "shared"}).expected_zone is None

    def test_a_secret_is_not_shown(self):
        assert "s3cret" not in repr(parse_credentials(CREDENTIALS | {"clientsecret": "s3cret"}))


class TestDiscovery:
    def test_by_tag(self, tmp_path):
        other = binding(name="x", tags=[], credentials={"clientid": "wrong"})
        assert find_credentials({"VCAP_SERVICES": vcap(other, binding())}, tmp_path).clientid == "sb-app!t1"

    def test_the_applications_own_plan_comes_first(self, tmp_path):
        broker = binding(name="b", plan="broker", credentials=CREDENTIALS | {"clientid": "sb-b"})
        assert find_credentials({"VCAP_SERVICES": vcap(broker, binding())}, tmp_path).clientid == "sb-app!t1"

    def test_by_name(self, tmp_path):
        other = binding(name="mine", tags=[], credentials=CREDENTIALS | {"clientid": "sb-mine"})
        environ = {"VCAP_SERVICES": vcap(binding(), other), "UAA_SERVICE_NAME": "mine"}
        assert find_credentials(environ, tmp_path).clientid == "sb-mine"

    def test_in_a_file(self, tmp_path):
        (tmp_path / "services.json").write_text(vcap(binding()))
        environ = {"VCAP_SERVICES_FILE_PATH": str(tmp_path / "services.json")}
        assert find_credentials(environ, tmp_path).clientid == "sb-app!t1"

    @pytest.mark.parametrize("as_text", [True, False])
    def test_in_default_env(self, tmp_path, as_text):
        services = vcap(binding()) if as_text else json.loads(vcap(binding()))
        (tmp_path / "default-env.json").write_text(json.dumps({"VCAP_SERVICES": services}))
        assert find_credentials({}, tmp_path).clientid == "sb-app!t1"

    @pytest.mark.parametrize(
        "text", ["{", "[]", "{}", '{"xsuaa":[]}', '{"xsuaa":[5]}', '{"xsuaa":[{"tags":["xsuaa"]}]}']
    )
    def test_nothing_usable(self, tmp_path, text):
        with pytest.raises(BindingMissing):
            find_credentials({"VCAP_SERVICES": text}, tmp_path)

    def test_a_broken_text_is_not_repeated(self, tmp_path):
        with pytest.raises(BindingMissing) as caught:
            find_credentials({"VCAP_SERVICES": '{"clientsecret": "s3cret"'}, tmp_path)
        assert "s3cret" not in str(caught.value)
        assert caught.value.__cause__ is None


class TestAudience:
    @given(st.lists(st.text(alphabet="ab.!t1| ", max_size=12), max_size=5))
    def test_no_list_of_names_without_ours_is_for_us(self, names):
        own = parse_credentials(CREDENTIALS)
        claims = {"cid": "sb-other!t1", "aud": names}
        ours = {"sb-app!t1", "app!t1"}
        assert is_for_us(claims, own) == bool({name.split(".")[0].strip() for name in names} & ours)

    def test_one_text_is_one_audience(self):
        assert audiences({"aud": "app!t1.x"}) == {"app!t1"}


class TestTimes:
    @given(st.floats(0, 2**33), st.floats(0, 2**33), st.floats(0, 600))
    def test_a_token_ends_when_it_says(self, now, exp, leeway):
        if now < exp + leeway:
            check_times({"exp": exp}, now, leeway)
        else:
            with pytest.raises(TokenInvalid) as caught:
                check_times({"exp": exp}, now, leeway)
            assert caught.value.reason == "expired"


@given(st.text())
def test_any_text_is_refused_with_our_error(text):
    with pytest.raises(TokenInvalid):
        take_apart(text)


@pytest.mark.parametrize("token", [None, 5, b"a.b.c"])
def test_what_is_no_text_is_no_token(token):
    with pytest.raises(TokenInvalid) as caught:
        take_apart(token)
    assert caught.value.reason == "malformed"


def test_the_longest_token_is_the_servers_longest():
    with pytest.raises(TokenInvalid) as caught:
        take_apart("a" * (TOKEN_LIMIT + 1))
    assert caught.value.reason == "too_large"


class TestKeyDocument:
    def test_numbers_or_pem(self):
        key = new_key("one")
        by_pem = {name: value for name, value in key.jwk.items() if name not in {"n", "e"}}
        flat = by_pem | {"kid": "flat", "value": key.pem.replace("\n", "")}
        found = parse_keys(200, json.dumps({"keys": [key.jwk | {"kid": "numbers"}, by_pem, flat]}).encode())
        assert set(found) == {"numbers", "one", "flat"}

    @pytest.mark.parametrize(
        "change",
        [
            {"kty": "oct"},
            {"use": "enc"},
            {"alg": "RS512"},
            {"kid": 5},
            {"n": "AQAB"},
            {"n": "ä"},
            {"e": "AA"},
            {"n": None, "value": "-----BEGIN PUBLIC KEY-----nonsense-----END PUBLIC KEY-----"},
            {"n": None, "value": 7},
        ],
    )
    def test_unusable_entries_do_not_count(self, change):
        assert parse_keys(200, json.dumps({"keys": [new_key("one").jwk | change, 5, None]}).encode()) == {}

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"keys":{}}', b"[" * 100_000])
    def test_no_key_set(self, content):
        with pytest.raises(KeysUnavailable):
            parse_keys(200, content)

    def test_the_server_knows_no_such_tenant(self):
        assert parse_keys(404, b"") == {}

    def test_the_address_is_ours_and_the_tenant_is_escaped(self):
        assert key_url("localhost:8443", "a&b=/c") == "https://localhost:8443/token_keys?zid=a%26b%3D%2Fc"


class TestKeyCache:
    def test_asks_when_nothing_is_known(self):
        assert KeyCache().find("z", "k", 0) is None

    def test_knows_what_was_fetched_until_it_is_old(self):
        cache = KeyCache()
        cache.fetched("z", {"k": "key"}, 0)
        assert cache.find("z", "k", 899) == "key"
        assert cache.find("z", "k", 901) is None

    def test_an_unknown_key_is_looked_for_again_after_a_pause(self):
        cache = KeyCache()
        cache.fetched("z", {"k": "key"}, 0)
        with pytest.raises(TokenInvalid):
            cache.find("z", "new", 9)
        assert cache.find("z", "new", 11) is None

    def test_made_up_tenants_cannot_push_out_a_real_one(self):
        cache = KeyCache()
        cache.fetched("real", {"k": "key"}, 0)
        for number in range(500):
            cache.fetched(f"made-up-{number}", {}, 0)
        assert cache.find("real", "k", 1) == "key"

    def test_made_up_tenants_cannot_make_us_ask_without_end(self):
        cache = KeyCache()
        for number in range(50):
            assert cache.find(f"made-up-{number}", "k", 5) is None
        with pytest.raises(KeysUnavailable):
            cache.find("one more", "k", 5)
        assert cache.find("one more", "k", 16) is None


def test_line_breaks_come_back():
    assert with_line_breaks("-----BEGIN PUBLIC KEY-----AB\nC-----END PUBLIC KEY-----") == (
        "-----BEGIN PUBLIC KEY-----\nAB\nC\n-----END PUBLIC KEY-----\n"
    )


# What an application pays for at its start; all else is imported with the first token, or the first question.
MAY_BE_IMPORTED = (
    "__future__ base64 binascii collections contextlib contextvars dataclasses datetime functools json math os "
    "pathlib re threading time typing urllib.parse warnings weakref"
)
NOT_TO_BE_IMPORTED = {
    *("asyncio", "cryptography", "email", "h11", "http", "httpx", "joserfc", "logging", "pydantic"),
    *("socket", "sqlalchemy", "ssl", "starlette", "subprocess", "tempfile", "uuid"),
}


@pytest.mark.parametrize("module", ["entryway.security", "entryway.security.xssec"])
def test_importing_the_library_loads_next_to_nothing(module):
    # Against what the permitted modules of the standard library load themselves, on whatever Python this is.
    code = (
        f"import sys, {', '.join(MAY_BE_IMPORTED.split())}; before = set(sys.modules); import {module}; "
        "print(*sorted(name for name in set(sys.modules) - before if not name.startswith('entryway')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []
    code = f"import sys, {module}; print(*sorted({NOT_TO_BE_IMPORTED!r} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []
