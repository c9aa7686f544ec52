from __future__ import annotations

import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.authserver.admin.updates import refused
from entryway.authserver.authorization import Authorization
from entryway.authserver.client import ALWAYS_ALLOWED, OIDC_SCOPES, allowed_authorities, allowed_user_scopes
from entryway.authserver.digests import Digests
from entryway.authserver.granting import user_scopes
from entryway.authserver.tenant_addresses import NamedZone, TenantAddresses, ZoneUnknown
from entryway.config.xs_security import parse
from entryway.config.xs_security_wire import XsSecurityWire
from entryway.errors import BadRequest
from entryway.oauth.errors import InvalidScope
from entryway.testing.databases import FixedKeyring

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SCOPES = st.sets(st.sampled_from(["a!t1.X", "a!t1.Y", "b!t1.Z", "openid", "uaa.user", "profile"]))


def authorization(requested: set[str], granted: set[str] | None = None) -> Authorization:
    return Authorization(
        id="i",
        zid="z",
        client_id="c",
        user_id="u",
        grant_type="authorization_code",
        requested_scopes=frozenset(requested),
        authenticated_at=NOW,
        granted_scopes=None if granted is None else frozenset(granted),
    )


@given(asked=SCOPES, requested=SCOPES, own=SCOPES, by_roles=SCOPES)
def test_a_first_token_holds_what_roles_client_and_request_have_in_common(
    asked: set[str], requested: set[str], own: set[str], by_roles: set[str]
) -> None:
    allowed = own | ALWAYS_ALLOWED
    try:
        given_scopes = user_scopes(authorization(asked), requested, allowed, by_roles)
    except InvalidScope:
        may_have = allowed & (by_roles | OIDC_SCOPES | {"openid"})
        wanted = requested or asked
        assert not wanted <= allowed or (asked and not requested <= asked) or not wanted & may_have
        return
    assert "openid" in given_scopes
    assert given_scopes - {"openid"} <= allowed
    assert given_scopes - {"openid", "profile"} <= by_roles
    if asked:
        assert given_scopes - {"openid"} <= asked
    if requested:
        assert given_scopes - {"openid"} <= requested


@given(granted=SCOPES, requested=SCOPES, own=SCOPES, by_roles=SCOPES)
def test_a_refresh_holds_no_more_than_the_first_token_and_than_the_roles_of_now(
    granted: set[str], requested: set[str], own: set[str], by_roles: set[str]
) -> None:
    if not requested <= granted:
        with pytest.raises(InvalidScope):
            user_scopes(authorization(set(), granted), requested, own | ALWAYS_ALLOWED, by_roles)
        return
    try:
        again = user_scopes(authorization(set(), granted), requested, own | ALWAYS_ALLOWED, by_roles)
    except InvalidScope:
        assert not (requested or granted) & (own & by_roles | OIDC_SCOPES | {"openid"})
        return
    assert again <= (requested or granted)
    assert again - {"openid", "profile"} <= by_roles


def test_scopes_that_libraries_ask_for_unbidden_are_let_in() -> None:
    asked = {"openid", "profile", "offline_access", "address"}
    assert user_scopes(authorization(asked), set(), {"a!t1.X"} | ALWAYS_ALLOWED, {"a!t1.X"}) == asked


def test_who_names_scopes_and_may_have_none_of_them_is_told_so() -> None:
    allowed = {"a!t1.X", "a!t1.Y"} | ALWAYS_ALLOWED
    for first, requested in ((authorization({"a!t1.X"}), set()), (authorization(set(), {"a!t1.X"}), {"a!t1.X"})):
        with pytest.raises(InvalidScope, match="not allowed any of the requested scopes") as refused:
            user_scopes(first, requested, allowed, {"a!t1.Y"})
        assert refused.value.allowed == ("a!t1.Y", "openid")


def test_a_granted_scope_counts_when_it_is_accepted() -> None:
    own, granted = ["a!t1.X"], ["b!t1.Z", "c!t1.W"]
    assert allowed_user_scopes(own, granted, []) == {"a!t1.X"} | ALWAYS_ALLOWED
    assert allowed_user_scopes(own, granted, ["b!t1.Z", "d!t1.V"]) == {"a!t1.X", "b!t1.Z"} | ALWAYS_ALLOWED
    assert allowed_user_scopes(own, granted, ["$ACCEPT_GRANTED_SCOPES"]) == {*own, *granted} | ALWAYS_ALLOWED


def test_an_own_scope_is_no_authority_by_itself() -> None:
    own, granted = ["a!t1.X"], ["b!t1.Z"]
    assert allowed_authorities("application", own, granted, []) == {"uaa.resource"}
    assert allowed_authorities("application", own, [*granted, *own], []) == {"uaa.resource", "a!t1.X"}
    assert allowed_authorities("application", own, granted, own) == {"uaa.resource", "a!t1.X"}
    assert allowed_authorities("application", own, granted, ["$ACCEPT_GRANTED_AUTHORITIES"]) == {
        "uaa.resource",
        "b!t1.Z",
    }


def test_naming_the_platforms_scope_gives_it_to_the_platform_alone() -> None:
    assert "entryway.platform" not in allowed_authorities("application", [], [], ["entryway.platform"])
    assert "entryway.platform" in allowed_authorities("platform", [], [], ["entryway.platform"])


def test_digests_depend_on_the_key_the_purpose_and_where_parts_end() -> None:
    digests = Digests(FixedKeyring(bytes(32)))
    assert digests.of("p", "a") == digests.of("p", "a")
    different = {
        digests.of("p", "a"),
        digests.of("q", "a"),
        digests.of("p", "a", ""),
        digests.of("p", "", "a"),
        Digests(FixedKeyring(bytes(31) + b"1")).of("p", "a"),
    }
    assert len(different) == 5


def test_digests_are_hmac_of_parts_with_their_lengths() -> None:
    keyring = FixedKeyring(bytes(range(32)))
    framed = b"\0\0\0\x01p\0\0\0\x02ab"
    expected = hmac.digest(keyring.lasting_key("authserver-digests"), framed, "sha256")
    assert [Digests(keyring).of("p", "ab") for _ in range(2)] == [expected, expected]


HOST = "localhost"
ADDRESSES = TenantAddresses("https://{subdomain}.localhost:8443", (HOST,))


@pytest.mark.parametrize(
    ("header", "query", "host", "named"),
    [
        (None, None, "localhost:8443", NamedZone()),
        (None, None, "LOCALHOST", NamedZone()),
        (None, None, "localhost.", NamedZone()),
        (None, None, "127.0.0.1:8443", NamedZone()),
        (None, None, "[::1]:8443", NamedZone()),
        (None, None, "Acme.localhost:8443", NamedZone(subdomain="acme")),
        ("z-1", None, "evil.example", NamedZone(id="z-1")),
        (None, "z-1", "evil.example", NamedZone(id="z-1")),
        ("z-1", "z-1", "localhost", NamedZone(id="z-1")),
    ],
)
def test_a_tenant_is_named_by_header_query_or_host(
    header: str | None, query: str | None, host: str, named: NamedZone
) -> None:
    assert ADDRESSES.named_by(header, query, host) == named


@pytest.mark.parametrize("host", [":8443", "evil", "evil..example", "a.b.localhost", "-a.localhost", ".localhost", "["])
def test_a_host_of_another_landscape_names_no_tenant(host: str) -> None:
    with pytest.raises(ZoneUnknown):
        ADDRESSES.named_by(None, None, host)


@pytest.mark.parametrize("zid", ["'", "a b", "x" * 37, "\xff", "../x"])
def test_a_malformed_tenant_is_unknown(zid: str) -> None:
    with pytest.raises(ZoneUnknown):
        ADDRESSES.named_by(zid, None, "localhost")
    with pytest.raises(ZoneUnknown):
        ADDRESSES.named_by(None, zid, "localhost")


def test_two_tenants_at_once_are_refused() -> None:
    with pytest.raises(BadRequest):
        ADDRESSES.named_by("a", "b", "localhost")


def content(**changes: object) -> XsSecurityWire:
    document = {
        "xsappname": "a",
        "attributes": [{"name": "X", "valueType": "s", "valueRequired": False}],
        "role-templates": [{"name": "T"}, {"name": "U"}],
        "role-collections": [{"name": "C", "role-template-references": ["$XSAPPNAME.T"]}],
    }
    return parse(document | changes).content


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"xsappname": "b"}, "/xsappname"),
        ({"attributes": [{"name": "X", "valueType": "int", "valueRequired": False}]}, "/attributes/0/valueType"),
        ({"attributes": [{"name": "X"}]}, "/attributes/0/valueRequired"),
        (
            {"role-collections": [{"name": "C", "role-template-references": ["$XSAPPNAME.T", "$XSAPPNAME.U"]}]},
            "/role-collections/0/role-template-references",
        ),
    ],
)
def test_changes_that_users_depend_on_are_refused(changes: dict, path: str) -> None:
    assert [mistake.path for mistake in refused(content(), content(**changes), {"C"}, subscribed=False)] == [path]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"attributes": [{"name": "X", "valueType": "string", "valueRequired": False}]},
        {"attributes": []},
        {"role-collections": []},
        {"role-templates": [{"name": "T", "description": "new"}]},
    ],
)
def test_other_changes_are_allowed(changes: dict) -> None:
    assert list(refused(content(), content(**changes), {"C"}, subscribed=False)) == []


def test_a_role_collection_that_nobody_has_may_change() -> None:
    changed = content(**{"role-collections": [{"name": "C", "role-template-references": ["$XSAPPNAME.U"]}]})
    assert list(refused(content(), changed, set(), subscribed=False)) == []


def test_a_role_collection_of_a_subscribed_application_may_not_change() -> None:
    changed = content(**{"role-collections": [{"name": "C", "role-template-references": ["$XSAPPNAME.U"]}]})
    assert list(refused(content(), changed, set(), subscribed=True)) != []
