from __future__ import annotations

from typing import Any

import pytest

from entryway.authserver.admin import binding_parameters
from entryway.config.descriptor import ServiceInstance
from entryway.idp.applications.certificates import BindingDocument
from entryway.landscape.lasting_bindings import lasting

YEAR = {"validity": 1, "validity-type": "YEARS"}
X509 = {"oauth2-configuration": {"credential-types": ["x509", "binding-secret"]}}


def uaa(descriptor: dict[str, Any]) -> ServiceInstance:
    return ServiceInstance("uaa", "mta.yaml", "xsuaa", "application", descriptor)


@pytest.mark.parametrize(
    ("descriptor", "parameters", "expected"),
    [
        (X509, {}, {"x509": YEAR}),
        ({}, {"credential-type": "x509"}, {"credential-type": "x509", "x509": YEAR}),
        (X509, {"x509": {"key-length": 4096}}, {"x509": {**YEAR, "key-length": 4096}}),
        # Whoever says how long is meant.
        (X509, {"x509": {"validity": 2}}, {"x509": {"validity": 2}}),
        (X509, {"x509": {"certificate": "pem"}}, {"x509": {"certificate": "pem"}}),
        (X509, {"credential-type": "binding-secret"}, {"credential-type": "binding-secret"}),
        ({}, {}, {}),
        ({"oauth2-configuration": {"credential-types": ["binding-secret", "x509"]}}, {}, {}),
        ({"oauth2-configuration": []}, {"x509": "no object"}, {"x509": "no object"}),
    ],
)
def test_a_certificate_lasts_a_year_unless_something_is_said(
    descriptor: dict[str, Any], parameters: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert lasting(uaa(descriptor), parameters) == expected


def test_what_is_asked_for_is_what_the_services_give() -> None:
    wanted, _ = binding_parameters.parse(lasting(uaa(X509), {}))
    assert wanted.x509.days == 365
    identity = ServiceInstance("ias", "mta.yaml", "identity", "application")
    given = lasting(identity, {"credential-type": "X509_GENERATED"})
    assert BindingDocument.model_validate(given).lifetime.days == 365
    assert lasting(identity, {}) == {}
