"""The library that Python applications use today and ours say the same of the same tokens: only the import changes."""

import importlib
import inspect
import socket
import time
import warnings

import httpx
import pytest
from sap import xssec as theirs

from entryway.security import xssec as ours
from entryway.testing.issuer import new_key, running_issuer
from entryway.testing.token_service import running_token_service

pytestmark = pytest.mark.interop
OTHER = "99999999-2222-4333-8444-555555555555"


@pytest.fixture
def issuer(tmp_path, monkeypatch):
    resolve = socket.getaddrinfo

    def resolve_localhost(host, *rest, **more):
        # Not every machine knows that names below localhost are itself.
        name = host.decode() if isinstance(host, bytes) else host
        return resolve("localhost" if name and name.endswith(".localhost") else host, *rest, **more)

    with running_issuer(tmp_path) as issuer:
        monkeypatch.setattr(socket, "getaddrinfo", resolve_localhost)
        monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca_file))
        monkeypatch.setenv("NO_PROXY", "localhost")
        monkeypatch.delenv("XSAPPNAME", raising=False)
        yield issuer


ATTRIBUTES = {"xs.user.attributes": {"country": ["DE", "FR"]}}
TOKENS = {
    "a user": lambda issuer: issuer.token(scopes=["Display"], **ATTRIBUTES),
    "a user without attributes": lambda issuer: issuer.token(drop=["xs.user.attributes"]),
    "a user with nothing that could be missing": lambda issuer: issuer.token(
        drop=["ext_attr", "email", "given_name", "family_name", "user_name", "origin", "scope", "grant_type", "sub"]
    ),
    "attributes in ext_cxt": lambda issuer: issuer.token(
        ext_cxt={"xs.user.attributes": {"country": ["FR"]}, "hdb.nameduser.saml": "saml"}
    ),
    "an empty ext_cxt": lambda issuer: issuer.token(ext_cxt={}, **ATTRIBUTES),
    "names in ext_attr": lambda issuer: issuer.token(ext_attr={"given_name": "A", "family_name": "B", "zdn": "x"}),
    "empty names in ext_attr": lambda issuer: issuer.token(ext_attr={"given_name": "", "family_name": None}),
    "a client": lambda issuer: issuer.client_token("sb-app!t1", az_attr={"country": "x"}),
    "a client with a user's claims": lambda issuer: issuer.client_token(
        "sb-app!t1", user_name="u", email="e", given_name="g", ext_cxt={"hdb.nameduser.saml": "saml"}, **ATTRIBUTES
    ),
    "a clone": lambda issuer: issuer.client_token("sb-app!t1", instance_id="the instance"),
    "our audience by scope": lambda issuer: issuer.token(xsappname="other!t1", aud=[], scope=["app!t1.Display"]),
    "our audience with dots": lambda issuer: issuer.token(xsappname="other!t1", aud=["app!t1.sub.more"]),
    "our audience as a foreign client": lambda issuer: issuer.token(xsappname="other!t1", aud=["x", "app!t1"]),
    "another tenant": lambda issuer: issuer.token(ext_attr={"zdn": "other", "subaccountid": OTHER}),
    "bound to a certificate": lambda issuer: issuer.token(cnf={"x5t#S256": "0" * 43}),
    "by jwt-bearer": lambda issuer: issuer.token(grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer"),
}
BROKER = {"clientid": "sb-svc!b5", "xsappname": "svc!b5", "trustedclientidsuffix": "|svc!b5"}
GETTERS = sorted(
    name
    for name, function in inspect.getmembers(theirs.SecurityContextXSUAA, inspect.isfunction)
    if name.startswith(("get_", "has_", "is_")) and not inspect.signature(function).parameters.keys() - {"self"}
)
SCOPES = ["app!t1.Display", "Display", "openid", "$XSAPPNAME.Display", "$XSAPPNAME.Edit", "x.$XSAPPNAME.Display"]


def outcome(call):
    """Return what a call returns, or the kind of what it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return call()
        except (ValueError, RuntimeError) as error:
            return type(error)


def everything(context) -> dict[str, object]:
    """Return what a context says to every question there is."""
    said = {name: outcome(getattr(context, name)) for name in GETTERS}
    for argument in ("country", "planet", "", None):
        for name in ("get_attribute", "get_additional_auth_attribute"):
            said[f"{name}({argument!r})"] = outcome(lambda name=name, a=argument: getattr(context, name)(a))
    for scope in [*SCOPES, "", None]:
        for name in ("check_scope", "check_local_scope"):
            said[f"{name}({scope!r})"] = outcome(lambda name=name, s=scope: getattr(context, name)(s))
    for namespace in ("System", "other", "", None):
        for kind in ("HDB", "JobScheduler", "other", "", None):
            said[f"get_token({namespace!r}, {kind!r})"] = outcome(lambda n=namespace, k=kind: context.get_token(n, k))
    return said


@pytest.mark.parametrize("kind", TOKENS)
def test_both_say_the_same_of(issuer, kind):
    token, credentials = TOKENS[kind](issuer), issuer.credentials()
    said = everything(ours.create_security_context(token, credentials))
    assert len(said) > 50
    assert said == everything(theirs.create_security_context(token, credentials))


async def test_asynchronous_callers_learn_the_same(issuer):
    token, credentials = TOKENS["a user"](issuer), issuer.credentials()
    said = everything(await ours.create_security_context_async(token, credentials))
    assert said == everything(theirs.create_security_context(token, credentials))


def test_both_say_the_same_of_a_brokers_clone(issuer):
    credentials = issuer.credentials() | BROKER
    token = issuer.client_token("sb-clone!b9|svc!b5", instance_id="one", scopes=["svc!b5.Use"])
    assert everything(ours.create_security_context(token, credentials)) == everything(
        theirs.create_security_context(token, credentials)
    )


def test_a_token_of_another_tenant_with_our_audience(issuer):
    """The audience alone decides: a dedicated application is called from other tenants if it granted them a scope."""
    token, credentials = issuer.token(scopes=["Display"]), issuer.credentials(identityzoneid=OTHER)
    assert everything(ours.create_security_context(token, credentials)) == everything(
        theirs.create_security_context(token, credentials)
    )


REFUSED = {
    "expired": lambda issuer: issuer.token(lifetime=-5),
    "for another application": lambda issuer: issuer.token(xsappname="other!t1", scopes=["Display"]),
    "no client": lambda issuer: issuer.token(drop=["cid"]),
    "no tenant": lambda issuer: issuer.token(drop=["zid"]),
    "issued far in the future": lambda issuer: issuer.token(iat=time.time() + 600),
    "not yet valid": lambda issuer: issuer.token(nbf=time.time() + 600),
    "another signature": lambda issuer: issuer.token()[:-10] + "AAAAAAAAAA",
    "another key under our id": lambda issuer: issuer.token(key=new_key(issuer.keys[0].kid)),
    "a key that is not known": lambda issuer: issuer.token(key=new_key("stranger")),
    "no token": lambda issuer: None,
    "an empty token": lambda issuer: "",
    "no token's form": lambda issuer: "abc",
    "three parts of nothing": lambda issuer: "a.b.c",
    "no signature": lambda issuer: issuer.token().rpartition(".")[0] + ".",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_both_refuse_in_the_same_way(issuer, kind):
    token, credentials = REFUSED[kind](issuer), issuer.credentials(verificationkey=issuer.keys[0].pem)
    with pytest.raises((ValueError, RuntimeError)) as by_theirs:
        theirs.create_security_context(token, credentials)
    with pytest.raises((ValueError, RuntimeError)) as by_ours:
        ours.create_security_context(token, credentials)
    # Without a signature a token is none, for us: the one difference.
    assert by_ours.type is (ValueError if kind == "no signature" else by_theirs.type)
    assert by_ours.type is ValueError or str(by_ours.value) == str(by_theirs.value)
    assert not token or len(token) < 10 or token not in str(by_ours.value)


@pytest.mark.parametrize(
    "change", [{"clientid": None}, {"clientsecret": ""}, {"url": None, "uaadomain": None}, {"xsappname": None}]
)
def test_both_refuse_the_same_credentials(issuer, change):
    credentials = {name: value for name, value in (issuer.credentials() | change).items() if value is not None}
    for library in (theirs, ours):
        with pytest.raises(ValueError):
            library.create_security_context(issuer.token(), credentials)
        with pytest.raises(ValueError):
            library.create_security_context(issuer.token(), None)


def test_the_name_in_the_environment(issuer, monkeypatch):
    credentials = {name: value for name, value in issuer.credentials().items() if name != "xsappname"}
    monkeypatch.setenv("XSAPPNAME", "app!t1")
    assert ours.create_security_context(issuer.token(scopes=["A"]), credentials).check_local_scope("A")
    for library in (theirs, ours):
        assert library.create_security_context(issuer.token(), issuer.credentials())
    monkeypatch.setenv("XSAPPNAME", "other!t1")
    for library in (theirs, ours):
        with pytest.raises(ValueError):
            library.create_security_context(issuer.token(), issuer.credentials())


def test_no_network_is_the_same_exception(issuer):
    credentials = issuer.credentials(uaadomain="localhost:1", url="https://localhost:1")
    for library in (theirs, ours):
        with pytest.raises(httpx.ConnectError):
            library.create_security_context(issuer.token(), credentials)


class TestExchange:
    @pytest.fixture
    def service(self, issuer):
        with running_token_service(issuer.authority) as service:
            yield service

    async def test_both_get_a_token(self, issuer, service):
        credentials = {"clientid": "c", "clientsecret": "s", "url": service.url}
        for library in (theirs, ours):
            context = library.create_security_context(issuer.token(user=library.__name__), issuer.credentials())
            assert context.request_token_for_client(credentials) == "the-token"
            assert context.request_token_for_client(credentials, "x.A,x.B") == "the-token"
            assert await context.request_token_for_client_async(credentials, scopes="x.A") == "the-token"
        assert {request.form["grant_type"] for request in service.requests} == {
            "urn:ietf:params:oauth:grant-type:jwt-bearer"
        }

    @pytest.mark.parametrize("status", [400, 401, 403])
    def test_both_are_refused(self, issuer, service, status):
        service.answer = (status, {"error": "invalid_client"})
        credentials = {"clientid": "c", "clientsecret": f"{status}", "url": service.url}
        told = set()
        for library in (theirs, ours):
            context = library.create_security_context(issuer.token(), issuer.credentials())
            with pytest.raises(RuntimeError) as refused:
                context.request_token_for_client(credentials)
            told.add(str(refused.value))
        assert len(told) == 1

    def test_both_refuse_credentials_that_are_not_complete(self, issuer):
        for library in (theirs, ours):
            context = library.create_security_context(issuer.token(), issuer.credentials())
            for credentials in (None, {}, {"clientid": "c", "url": "https://x"}):
                with pytest.raises(ValueError):
                    context.request_token_for_client(credentials)


class TestIdentityService:
    def test_both_say_the_same(self, issuer):
        token, credentials = issuer.identity_token(groups=["A", "B"]), issuer.identity_credentials()
        said = []
        for library in (theirs, ours):
            context = library.create_security_context_ias(token, credentials)
            said.append((context.token, context.service_credentials, context.token_payload, context.token_header))
            assert context.get_issuer() == issuer.identity_url
            assert context.validate_issuer().validate_timestamp().validate_audience().validate_signature() is context
        assert said[0] == said[1]

    @pytest.mark.parametrize(
        "change",
        [
            {"aud": "identity-client"},
            {"iss": "https://custom.example", "ias_iss": "ISSUER"},
            {"app_tid": None, "zone_uuid": "ZONE"},
        ],
    )
    def test_both_accept(self, issuer, change):
        known = {"ISSUER": issuer.identity_url, "ZONE": issuer.zone}
        token = issuer.identity_token(**{name: known.get(value, value) for name, value in change.items()})
        for library in (theirs, ours):
            assert library.create_security_context_ias(token, issuer.identity_credentials())

    @pytest.mark.parametrize(
        "change",
        [
            {"lifetime": -5},
            {"aud": ["another-client"]},
            {"iss": "https://evil.example"},
            {"iss": "http://dev.localhost"},
            {"iss": "https://dev.localhost?x=y"},
            {"iss": "https://dev.localhost#x"},
            {"iss": "https://evil.dev.localhost"},
        ],
    )
    def test_both_refuse(self, issuer, change):
        if change.get("iss", "").startswith("https://evil.dev"):
            change = {"iss": f"https://evil.{issuer.subdomain}.{issuer.domain}"}
        token = issuer.identity_token(**change)
        kinds = []
        for library in (theirs, ours):
            with pytest.raises((ValueError, RuntimeError)) as caught:
                library.create_security_context_ias(token, issuer.identity_credentials())
            kinds.append(caught.type)
        if "lifetime" not in change:
            assert kinds[0] is kinds[1]

    async def test_asynchronous_callers_learn_the_same(self, issuer):
        token, credentials = issuer.identity_token(), issuer.identity_credentials()
        context = await ours.create_security_context_ias_async(token, credentials)
        assert context.token_payload == theirs.create_security_context_ias(token, credentials).token_payload


@pytest.mark.parametrize("module", ["", ".constants", ".security_context_xsuaa", ".security_context_ias"])
def test_every_name_is_at_the_same_place(module):
    their_module, our_module = (importlib.import_module(f"{root}{module}") for root in ("sap.xssec", ours.__name__))
    public = {
        name
        for name, value in vars(their_module).items()
        if not name.startswith("_")
        and (isinstance(value, str | int | float | list) or getattr(value, "__module__", "") == their_module.__name__)
    }
    assert public
    assert {name for name in public if not hasattr(our_module, name)} == set()
    for name in (name for name in public if inspect.isclass(getattr(their_module, name))):
        methods = {method for method in vars(getattr(their_module, name)) if not method.startswith("_")}
        missing = {method for method in methods if not hasattr(getattr(our_module, name), method)}
        assert missing - {"verificationKeyCache"} == set()


def test_an_older_place_of_the_class(issuer):
    from entryway.security.xssec.security_context import SecurityContext  # noqa: PLC0415

    assert SecurityContext(issuer.token(), issuer.credentials()).get_logon_name() == "alex"


def test_constants_are_the_same():
    from sap.xssec import constants as their_constants  # noqa: PLC0415

    from entryway.security.xssec import constants  # noqa: PLC0415

    names = [name for name in vars(their_constants) if name.isupper()]
    assert {name: getattr(constants, name) for name in names} == {
        name: getattr(their_constants, name) for name in names
    }
