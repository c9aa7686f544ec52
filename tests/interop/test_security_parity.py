"""Our library says of a token what the library says that Python applications use today."""

import inspect
from datetime import UTC

import pytest
from sap import xssec
from sap.xssec.security_context_xsuaa import SecurityContextXSUAA

from entryway.security import SecurityContext, TokenInvalid, create_security_context
from entryway.testing.issuer import Issuer, running_issuer

GETTERS = [
    "get_additional_auth_attribute",
    "get_app_token",
    "get_attribute",
    "get_audience",
    "get_clientid",
    "get_clone_service_instance_id",
    "get_email",
    "get_family_name",
    "get_given_name",
    "get_grant_type",
    "get_hdb_token",
    "get_logon_name",
    "get_origin",
    "get_subaccount_id",
    "get_subdomain",
    "get_zone_id",
    "has_attributes",
]


@pytest.fixture
def issuer(tmp_path, monkeypatch):
    with running_issuer(tmp_path) as issuer:
        monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca_file))
        monkeypatch.setenv("NO_PROXY", "localhost")
        yield issuer


def tokens(issuer: Issuer) -> dict[str, str]:
    return {
        "a user": issuer.token(scopes=["Display"], **{"xs.user.attributes": {"country": ["DE"]}}),
        "a user without attributes": issuer.token(drop=["xs.user.attributes"]),
        "attributes in the older place": issuer.token(
            ext_cxt={"xs.user.attributes": {"country": ["FR"]}, "hdb.nameduser.saml": "saml"}
        ),
        "names in the other place": issuer.token(ext_attr={"given_name": "A", "family_name": "B", "zdn": "x"}),
        "no extra attributes": issuer.token(drop=["ext_attr"]),
        "a client": issuer.client_token("sb-app!t1", instance_id="i", az_attr={"country": "x"}),
        "our audience by scope": issuer.token(xsappname="other!t1", aud=[], scope=["app!t1.Display"]),
    }


KINDS = [
    "a user",
    "a user without attributes",
    "attributes in the older place",
    "names in the other place",
    "no extra attributes",
    "a client",
    "our audience by scope",
]


@pytest.mark.parametrize("kind", KINDS)
def test_both_say_the_same(issuer, kind):
    token, credentials = tokens(issuer)[kind], issuer.credentials()
    ours = create_security_context(token, credentials)
    theirs = xssec.create_security_context(token, credentials)
    for name in GETTERS:
        arguments = ["country"] if name.endswith("_attribute") else []
        assert getattr(ours, name)(*arguments) == getattr(theirs, name)(*arguments), name
    for name in ("HDB", "JobScheduler", "other"):
        assert ours.get_token("System", name) == theirs.get_token("System", name), name
        assert ours.get_token("other", name) is theirs.get_token("other", name) is None
    for scope in ("app!t1.Display", "Display", "openid"):
        assert ours.check_scope(scope) == theirs.check_scope(scope)
        assert ours.check_local_scope(scope) == theirs.check_local_scope(scope)
    # Ours knows that it is in UTC.
    assert ours.get_expiration_date() == theirs.get_expiration_date().replace(tzinfo=UTC)


def test_nothing_that_applications_call_is_missing():
    theirs = {
        name for name, _ in inspect.getmembers(SecurityContextXSUAA, inspect.isfunction) if not name.startswith("_")
    }
    assert {name for name in theirs if not hasattr(SecurityContext, name)} == set()


@pytest.mark.parametrize(
    "bad",
    [
        lambda issuer: issuer.token(lifetime=-5),
        lambda issuer: issuer.token(xsappname="other!t1"),
        lambda issuer: issuer.token(drop=["cid"]),
        lambda issuer: issuer.token()[:-10] + "AAAAAAAAAA",
    ],
)
def test_both_refuse(issuer, bad):
    token = bad(issuer)
    with pytest.raises(TokenInvalid):
        create_security_context(token, issuer.credentials())
    with pytest.raises((RuntimeError, ValueError)):
        xssec.create_security_context(token, issuer.credentials())
