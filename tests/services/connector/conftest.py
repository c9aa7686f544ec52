"""The whole chain, for each test anew."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from entryway.testing.issuer import Issuer, running_issuer
from entryway.testing.onpremise import OnPremise, on_premise


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with running_issuer(tmp_path_factory.mktemp("issuer")) as running:
        yield running


@pytest.fixture
async def world(issuer: Issuer, tmp_path: Path) -> AsyncIterator[OnPremise]:
    async with on_premise(issuer, tmp_path) as running:
        yield running
