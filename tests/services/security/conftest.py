from collections.abc import Iterator

import pytest

from entryway.security import TokenValidator, parse_credentials
from entryway.testing.issuer import Issuer, running_issuer


@pytest.fixture
def issuer(tmp_path) -> Iterator[Issuer]:
    with running_issuer(tmp_path / "ca") as issuer:
        yield issuer


@pytest.fixture
def validator(issuer: Issuer) -> TokenValidator:
    return TokenValidator(parse_credentials(issuer.credentials()), tls=issuer.tls)
