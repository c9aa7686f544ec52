"""What the destination service decides without a network or a database."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.clients.tokens import TokenSet
from entryway.destinations.authentications import AUTHENTICATIONS, find_authentication, unsupported
from entryway.destinations.authentications.kind import bearer, failure
from entryway.destinations.callers import Caller, identify, names_user
from entryway.destinations.documents import CREDENTIALS, Destination, parse_destination
from entryway.destinations.errors import InvalidRequest, TokenFailure
from entryway.destinations.queries import parse_filter, parse_names
from entryway.destinations.requests import parse_find_options
from entryway.destinations.store import Level
from entryway.destinations.token_service import (
    build_token_request,
    dedicated_or_common_url,
    tenant_url,
    usable_url,
)
from entryway.errors import Forbidden
from entryway.security import SecurityContext, parse_credentials

NOW = datetime(2026, 11, 22, tzinfo=UTC)
OWN = "destination-xsappname!b1"
NAMES = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs"]), min_size=1, max_size=30)


def destination(**properties: str) -> Destination:
    return Destination("erp", {"Name": "erp", "Type": "HTTP"} | properties)


def context(cid: str, **claims) -> SecurityContext:
    credentials = parse_credentials({"clientid": f"sb-{OWN}", "xsappname": OWN, "url": "https://localhost"})
    text = json.dumps({"cid": cid, "zid": "zone", "exp": 1} | claims).encode()
    return SecurityContext(f"e30.{urlsafe_b64encode(text).rstrip(b'=').decode()}.", credentials, frozenset())


class TestFilters:
    @given(st.lists(NAMES, min_size=1, max_size=10))
    def test_names_survive_their_two_encodings(self, names):
        text = "Name in (" + ", ".join(f"'{quote(name, safe='')}'" for name in names) + ")"
        assert parse_names(text) == names

    @given(st.text(max_size=60))
    def test_any_other_text_is_refused_as_a_bad_request(self, text):
        try:
            parse_filter(text, NOW)
        except InvalidRequest:
            return
        assert text.lower().strip().startswith(("name", "startswith", "endswith", "modifiedwithin"))

    def test_quotes_are_doubled(self):
        assert parse_filter("startswith(Name,'a''b')", NOW)("a'bc", NOW)

    def test_recently_changed(self):
        matches = parse_filter("modifiedwithin('10','minutes')", NOW)
        assert matches("x", NOW - timedelta(minutes=10))
        assert not matches("x", NOW - timedelta(minutes=11))


class TestDocuments:
    @given(
        st.dictionaries(
            NAMES.filter(lambda key: key.isprintable() and not key.startswith("$")),
            st.text(max_size=20).filter(lambda v: "\x00" not in v),
        )
    )
    def test_unknown_properties_are_kept_as_they_are(self, more):
        known = {"Name": "erp", "Type": "TCP"}
        document = more | known
        assert parse_destination(document).properties == document

    def test_an_etag_is_of_the_content_alone(self):
        one, two = {"Name": "a", "Type": "TCP"}, {"Type": "TCP", "Name": "a"}
        assert parse_destination(one).etag == parse_destination(two).etag
        assert parse_destination(one).etag != parse_destination(one | {"x": ""}).etag

    def test_credentials_are_left_out_by_name(self):
        everything = dict.fromkeys(CREDENTIALS, "s3cret")
        assert "s3cret" not in json.dumps(destination(**everything).without_credentials())
        assert "s3cret" not in repr(destination(**everything))

    def test_the_usual_authentication(self):
        assert destination().authentication == "NoAuthentication"
        assert destination(User="u").authentication == "NoAuthentication"
        assert destination(User="u", Password="p").authentication == "BasicAuthentication"
        assert destination(User="u", Password="p", Authentication="X").authentication == "X"

    def test_metadata_is_no_property(self):
        assert "$metadata" not in parse_destination({"Name": "a", "Type": "TCP", "$metadata": {"x": 1}}).properties


class TestCallers:
    def test_a_clone_of_ours(self):
        caller = identify(context(f"sb-clone-1-2!b1|{OWN}", ext_attr={"zdn": "dev", "subaccountid": "s"}), OWN)
        assert (caller.zid, caller.instance_id, caller.subdomain, caller.subaccount_id) == ("zone", "1-2", "dev", "s")
        assert caller.levels == (Level("zone", "1-2"), Level("zone"))

    def test_the_token_names_the_instance(self):
        caller = identify(context(f"sb-x!b1|{OWN}", ext_attr={"serviceinstanceid": "9"}), OWN)
        assert caller.instance_id == "9"

    def test_the_service_itself(self):
        caller = identify(context(f"sb-{OWN}"), OWN)
        assert caller.levels == (Level("zone"),)
        with pytest.raises(Forbidden):
            _ = caller.instance

    @pytest.mark.parametrize(
        "cid", ["sb-app!t1", OWN, f"|{OWN}2", f"sb-clone-1!b1|x{OWN}", f"sb-clone-1!b1|{OWN}|x!b1", ""]
    )
    def test_anybody_else(self, cid):
        with pytest.raises(Forbidden):
            identify(context(cid), OWN)

    def test_a_user(self):
        assert names_user({"grant_type": "authorization_code", "user_id": "1"})
        assert not names_user({"grant_type": "client_credentials", "user_id": "1"})
        assert not names_user({})
        kims = context(f"sb-clone-1!b1|{OWN}", user_name="kim")
        assert identify(kims, OWN).user_token == kims.token
        assert isinstance(identify(context(f"sb-clone-1!b1|{OWN}"), OWN), Caller)


class TestFindOptions:
    def test_usual(self):
        options = parse_find_options({"x-user-token": "t"}, {"$skipTokenRetrieval": "true"})
        assert (options.user_token, options.tenant, options.skip_tokens, options.skip_credentials) == (
            "t",
            None,
            True,
            False,
        )
        assert "'t'" not in repr(options)

    @pytest.mark.parametrize("params", [{"$skipTokenRetrieval": "yes"}, {"$skipCredentials": ""}])
    def test_flags_are_true_or_false(self, params):
        with pytest.raises(InvalidRequest):
            parse_find_options({}, params)


class TestTokenRequests:
    @given(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True))
    def test_a_tenant_changes_only_the_host(self, subdomain):
        parts = urlsplit(tenant_url("https://auth.example.com:8443/oauth/token?x=1", subdomain))
        assert (parts.hostname, parts.port) == (f"{subdomain}.auth.example.com", 8443)
        assert (parts.path, parts.query) == ("/oauth/token", "x=1")
        assert tenant_url("https://a/{tenant}/t", subdomain) == f"https://a/{subdomain}/t"

    def test_a_common_address_without_tenant(self):
        common = destination(tokenServiceURL="https://a", tokenServiceURLType="Common")
        with pytest.raises(TokenFailure):
            dedicated_or_common_url(common, None)
        with pytest.raises(TokenFailure):
            dedicated_or_common_url(destination(tokenServiceURL="https://a", tokenServiceURLType="Both"), "x")

    @pytest.mark.parametrize(
        "url", ["file:///x", "javascript:x", "//a", "https://a@b/", "https://a:99999/", "https://[::1", "https:\\\\a"]
    )
    def test_addresses_that_are_none(self, url):
        with pytest.raises(TokenFailure):
            usable_url(url)

    @given(st.dictionaries(st.text(min_size=1, max_size=10), st.text(max_size=10), max_size=4))
    def test_queries_are_added_and_encoded(self, queries):
        properties = {f"tokenServiceURL.queries.{name}": value for name, value in queries.items()}
        request = build_token_request(destination(clientId="c", **properties), {}, "https://a/t?own=1")
        found = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
        assert found == [("own", "1"), *queries.items()]
        assert urlsplit(request.url).hostname == "a"

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [(None, 10), ("5", 5), ("60", 60), ("61", 10), ("0", 10), ("-1", 10), ("x", 10), ("1e3", 10)],
    )
    def test_timeouts_out_of_range_are_the_default(self, value, seconds):
        properties = {} if value is None else {"tokenServiceURL.ConnectionTimeoutInSeconds": value}
        assert build_token_request(destination(clientId="c", **properties), {}, "https://a").connect_seconds == seconds

    @pytest.mark.parametrize(
        "properties",
        [
            {"tokenService.KeyStoreLocation": "k.p12"},
            {"clientAssertion.destinationName": "d"},
            {"tokenServiceURL.ProxyType": "OnPremise"},
        ],
    )
    def test_what_is_not_offered_is_refused(self, properties):
        with pytest.raises(TokenFailure, match=next(iter(properties))):
            build_token_request(destination(clientId="c", **properties), {}, "https://a")

    def test_secrets_are_not_shown(self):
        request = build_token_request(destination(clientId="c", clientSecret="s3cret"), {}, "https://a")
        assert "s3cret" not in repr(request)


class TestAnswers:
    def test_every_kind_is_in_the_table(self):
        assert set(AUTHENTICATIONS) == {
            "NoAuthentication",
            "BasicAuthentication",
            "OAuth2ClientCredentials",
            "OAuth2UserTokenExchange",
            "OAuth2JWTBearer",
            "PrincipalPropagation",
        }
        assert find_authentication("ClientCertificateAuthentication") is unsupported.tokens

    def test_an_error_is_told_by_its_presence(self):
        assert "error" not in bearer(TokenSet("t", None, None, 60, ""))
        assert failure("why") == {"type": "", "value": "", "expires_in": "0", "error": "why"}

    @pytest.mark.parametrize(("given_type", "told"), [("bearer", "Bearer"), ("BEARER", "Bearer"), ("DPoP", "DPoP")])
    def test_the_type_is_what_clients_send(self, given_type, told):
        entry = bearer(TokenSet("t", None, None, 60, "", given_type))
        assert (entry["type"], entry["http_header"]) == (told, {"key": "Authorization", "value": f"{told} t"})
        assert entry["expires_in"] == "60"
