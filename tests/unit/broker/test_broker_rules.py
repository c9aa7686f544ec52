"""What the broker decides without its neighbours."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.broker.broker import told_parameters
from entryway.broker.catalog import PLANS, catalog, find_plan
from entryway.broker.errors import BrokerRequestInvalid, VersionUnsupported
from entryway.broker.offerings.destination import parse_initial
from entryway.broker.offerings.identity import parse as parse_identity
from entryway.broker.offerings.kind import check_binding_parameters
from entryway.broker.requests import check_id, check_platform, check_version
from entryway.broker.store import Bound, Instance
from entryway.errors import Unauthorized


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class TestPlatform:
    def test_the_right_one(self):
        check_platform(basic("entryway-platform", "a:b:ü"), "a:b:ü")

    @given(st.text(max_size=20), st.text(max_size=20))
    def test_nobody_else(self, user, password):
        with pytest.raises(Unauthorized):
            check_platform(basic(user, password), "the secret of the platform")

    @given(st.one_of(st.none(), st.text(max_size=40)))
    def test_no_header_is_a_server_error(self, header):
        with pytest.raises(Unauthorized):
            check_platform(header, "the secret of the platform")

    def test_an_empty_password_is_none(self):
        with pytest.raises(Unauthorized):
            check_platform(basic("entryway-platform", ""), "s")


class TestVersions:
    @pytest.mark.parametrize("version", ["2.0", "2.13", "2.17"])
    def test_ours(self, version):
        check_version({"x-broker-api-version": version})

    @pytest.mark.parametrize("version", ["1.9", "3.0", "2", "2.", "2.17 ", "2.17\n", "2.1234", "\u0662.\u0661"])
    def test_others(self, version):
        with pytest.raises(VersionUnsupported):
            check_version({"x-broker-api-version": version})


@given(st.text(max_size=80))
def test_ids_stay_within_letters_digits_hyphens_and_underscores(text):
    try:
        assert check_id(text) == text
    except BrokerRequestInvalid:
        assert (
            not text.isascii()
            or not text.replace("-", "").replace("_", "").isalnum()
            or len(text) > 64
            or text[0] in "-_"
        )


class TestCatalog:
    def test_plans_are_found_by_both_ids(self):
        for plan in PLANS:
            assert find_plan(plan.service_id, plan.id) is plan
            for ids in ((plan.service_id, None), (None, plan.id), (plan.id, plan.service_id), ({}, [])):
                with pytest.raises(BrokerRequestInvalid):
                    find_plan(*ids)

    def test_a_plan_of_another_service(self):
        with pytest.raises(BrokerRequestInvalid):
            find_plan(PLANS[0].service_id, PLANS[-1].id)

    def test_every_service_says_what_it_takes(self):
        for service in catalog()["services"]:
            for plan in service["plans"]:
                assert plan["schemas"]["service_instance"]["create"]["parameters"]["type"] == "object"


class TestInitialDestinations:
    def test_nothing(self):
        assert [part.destinations for part in parse_initial({})] == [(), ()]

    def test_by_level(self):
        erp = {"Name": "erp"}
        parameters = {"init_data": {"instance": {"destinations": [erp], "existing_destinations_policy": "ignore"}}}
        subaccount, instance = parse_initial(parameters)
        assert (subaccount.level, subaccount.policy, subaccount.destinations) == ("subaccount", "fail", ())
        assert (instance.level, instance.policy, instance.destinations) == ("instance", "ignore", (erp,))


class TestBindingParameters:
    def test_usual(self):
        check_binding_parameters({})
        check_binding_parameters({"xsuaa": {"credential-type": "binding-secret"}})

    @pytest.mark.parametrize("parameters", [{"hide-secret": "true"}, {"credential-type": "x509"}, {"xsuaa": []}])
    def test_what_cannot_be_given(self, parameters):
        with pytest.raises(BrokerRequestInvalid):
            check_binding_parameters(parameters)


def test_what_is_secret_is_not_shown():
    instance = Instance("i", "z", "s", "p", "n", {"init_data": {"x": "s3cret"}, "a": 1})
    bound = Bound("i", "b", "z", {}, {"clientsecret": "s3cret"})
    assert "s3cret" not in repr(instance) + repr(bound) + repr(told_parameters(instance))
    assert told_parameters(instance) == {"a": 1}


def test_an_instance_of_the_identity_provider_is_its_tenants_own():
    assert parse_identity({"multi-tenant": False}) == parse_identity({})
    for asked in ({"multi-tenant": True}, {"provided-apis": [{"name": "orders"}]}, {"consumed-services": []}):
        with pytest.raises(BrokerRequestInvalid, match=next(iter(asked))):
            parse_identity(asked)
