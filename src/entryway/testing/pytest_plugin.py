"""A pytest plugin for applications that use `entryway.security`: tokens signed with local keys, and no network.

    pip install entryway[testing]

    def test_products(client, make_token):
        token = make_token(scopes=["Display"], user="kim", attributes={"country": ["DE"]})
        assert client.get("/products", headers={"authorization": f"Bearer {token}"}).status_code == 200

Whoever uses one of the fixtures is bound to an authorization server that exists only in this process: `VCAP_SERVICES`
names it, and its keys are known without asking. `entryway_server` answers over https, for other processes.
"""

# Loaded with every run of pytest where the package is installed: what it needs is imported by its fixtures.
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from entryway.testing.local_issuer import LocalIssuer


@pytest.fixture(scope="session")
def entryway_key() -> RSAPrivateKey:
    """The key that the tokens of this run are signed with."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def entryway_known_key(entryway_key: RSAPrivateKey) -> Iterator[None]:
    """The key is known without asking: also in a test that serves it, to an application that an earlier one bound."""
    from entryway.security.jwks_client import pinned_keys  # noqa: PLC0415
    from entryway.testing.local_issuer import HOST, KID  # noqa: PLC0415

    with pinned_keys(HOST, {KID: entryway_key.public_key()}):
        yield


@pytest.fixture
def entryway_issuer(
    entryway_key: RSAPrivateKey,
    entryway_known_key: None,  # noqa: ARG001 - for what it does
    monkeypatch: pytest.MonkeyPatch,
) -> LocalIssuer:
    """An authorization server within this process, which the application is bound to."""
    from entryway.testing.local_issuer import LocalIssuer  # noqa: PLC0415

    issuer = LocalIssuer(entryway_key)
    _bind(issuer, monkeypatch)
    return issuer


@pytest.fixture
def make_token(entryway_issuer: LocalIssuer) -> Callable[..., str]:
    """Return a function that makes tokens: `make_token(scopes=…, attributes=…, user=…, tenant=…)`."""
    return entryway_issuer.make_token


@pytest.fixture(scope="session")
def entryway_served(entryway_key: RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalIssuer]:
    """The server behind `entryway_server`: one for the whole run, so that applications may keep its address."""
    from entryway.testing.local_issuer import served  # noqa: PLC0415

    with served(entryway_key, tmp_path_factory.mktemp("entryway-authority")) as issuer:
        yield issuer


@pytest.fixture
def entryway_server(
    entryway_served: LocalIssuer,
    entryway_known_key: None,  # noqa: ARG001 - for what it does
    monkeypatch: pytest.MonkeyPatch,
) -> LocalIssuer:
    """An authorization server that gives out its keys on a port of this machine; `ca_file` is whom to trust."""
    _bind(entryway_served, monkeypatch)
    monkeypatch.setenv("SSL_CERT_FILE", str(entryway_served.ca_file))
    monkeypatch.setenv("NO_PROXY", "localhost")
    return entryway_served


def _bind(issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VCAP_SERVICES", issuer.vcap_services())
    monkeypatch.delenv("UAA_SERVICE_NAME", raising=False)
